// The queue between UART and MQTT: what it holds, what it drops, and in which order it is read.
import assert from "node:assert/strict";
import {
  samplePlace,
  SAMPLE_WORDS,
  type Samples,
  samplesDrain,
  samplesOf,
  samplesPush,
} from "../../firmware/kernel/samples";

const push = (samples: Samples, n: number): void =>
  samplesPush(samples, new Uint16Array(SAMPLE_WORDS).fill(n), 100 * n);
/** The sample at a place: its words, which are all alike, and its time. */
function at(samples: Samples, place: number): [number, number] {
  const words = samples.words.subarray(place * SAMPLE_WORDS, (place + 1) * SAMPLE_WORDS);
  assert.equal(new Set(words).size, 1);
  return [words[0], samples.at[place]];
}

describe("samples", () => {
  for (const size of [1, 5, 16, 32])
    it(`hold ${size}; the oldest makes room and is counted; the newest comes out, those before it stand behind it`, () => {
      const samples = samplesOf(size);
      assert.equal(samplesDrain(samples), -1);
      for (let n = 1; n <= size; n++) push(samples, n);
      assert.deepEqual([samples.count, samples.dropped], [size, 0]);
      for (let n = size + 1; n <= size + 3; n++) push(samples, n);
      assert.deepEqual([samples.count, samples.dropped], [size, 3]);
      assert.deepEqual(at(samples, samplesDrain(samples)), [size + 3, 100 * (size + 3)]);
      for (let back = 0; back < size; back++)
        assert.deepEqual(at(samples, samplePlace(samples, back))[0], size + 3 - back, `${back} back`);
      assert.deepEqual([samples.count, samplesDrain(samples)], [0, -1]);
      push(samples, 99);
      assert.deepEqual(at(samples, samplesDrain(samples)), [99, 9900]);
    });
});
