// Loaded into a process before anything else: its clock is off by CLOCK_OFF_BY_MS, as on a machine without time service.

const offByMs = Number(process.env.CLOCK_OFF_BY_MS ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + offByMs);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + offByMs;
  }
};
