// Access to the chip's registers as a test's model has it. Loaded before the driver, which takes the natives when it is
// loaded.

/** What the natives do now. */
export const chip = {
  peek32: (_addr: number, _count?: number): number | Uint32Array => 0,
  poke32: (_addr: number, _value: unknown): void => undefined,
};

Object.assign(globalThis, {
  peek32: (addr: number, count?: number) => chip.peek32(addr, count),
  poke32: (addr: number, value: unknown) => chip.poke32(addr, value),
});
