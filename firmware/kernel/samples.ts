// The bounded queue between UART and MQTT: the raw words of the last accepted fast polls, in fixed columns.

/** Words a sample: 17 registers and the CRC as it came. */
export const SAMPLE_WORDS = 18;

/** When full, the oldest sample makes room and is counted: a live value wants the newest. */
export interface Samples {
  words: Uint16Array;
  /** When each came (ms). */
  at: Float64Array;
  /** Samples it holds (setting mqtt.queueLength), where the next one goes. */
  size: number;
  next: number;
  count: number;
  dropped: number;
}

export function samplesOf(size: number): Samples {
  return {
    words: new Uint16Array(size * SAMPLE_WORDS),
    at: new Float64Array(size),
    size: size,
    next: 0,
    count: 0,
    dropped: 0,
  };
}

export function samplesPush(samples: Samples, words: Uint16Array, now: number): void {
  const place = samples.next;
  samples.words.set(words, place * SAMPLE_WORDS);
  samples.at[place] = now;
  samples.next = place + 1 < samples.size ? place + 1 : 0;
  if (samples.count < samples.size) samples.count++;
  else samples.dropped++;
}

/** The place of the sample that came `back` samples before the newest. */
export function samplePlace(samples: Samples, back: number): number {
  return (samples.next + samples.size - 1 - back) % samples.size;
}

/** Take everything out; the place of the newest sample, -1 when there is none. */
export function samplesDrain(samples: Samples): number {
  if (samples.count === 0) return -1;
  samples.count = 0;
  return samplePlace(samples, 0);
}
