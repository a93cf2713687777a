// Mocha loads this in each of its processes: programs that a test runs write plain text, also where the surroundings of
// the tests ask for colours. Tests compare that text.
delete process.env.FORCE_COLOR;
