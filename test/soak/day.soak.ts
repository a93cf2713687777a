// A whole day in virtual time, another one each time (its seed is in its name and in what it says when it fails). `npm
// run soak`.
process.env.DAY_HOURS ??= "24";
process.env.DAY_SEED ??= String(Date.now() % 1000000);
await import("../system/day.test");
