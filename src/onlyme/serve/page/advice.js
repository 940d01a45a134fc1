// Keep advice still: what only one picture says, such as a cup that looks like a face, is not shown.

const STEADY_LOOKS = 4; // pictures in a row that must say the same

export class SteadyAdvice {
  constructor() {
    this.restart();
  }

  restart() {
    this.shown = null;
    this.next = null;
    this.count = 0;
  }

  /** Take what one picture says; return what to show now. The first advice is shown at once. */
  take(advice) {
    this.count = advice === this.next ? this.count + 1 : 1;
    this.next = advice;
    if (this.shown === null || this.count >= STEADY_LOOKS) this.shown = advice;
    return this.shown;
  }
}
