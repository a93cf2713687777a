// What is known of the memory.

/**
 * The newest look (the next is due at `at`, ms): JsVars in use after a collection and in all, their size; C heap,
 * bytes.
 */
export interface Memory {
  at: number;
  usage: number;
  total: number;
  blocksize: number;
  heap: number;
  heapMin: number;
  /**
   * How often the pool was full, so that the interpreter had to collect; whether too little was free after the last
   * collection.
   */
  fills: number;
  isLow: boolean;
}
