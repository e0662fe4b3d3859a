/** A set of whole numbers, kept as the stretches that they fill. */
export class Stretches {
  /** In order, apart from each other; `after` is not in it, `through` is. */
  #stretches: { after: number; through: number }[] = [];

  add(after: number, through: number): void {
    const joined = { after, through };
    const apart = this.#stretches.filter((stretch) => {
      if (stretch.through < joined.after || stretch.after > joined.through) return true;
      joined.after = Math.min(joined.after, stretch.after);
      joined.through = Math.max(joined.through, stretch.through);
      return false;
    });
    this.#stretches = [...apart, joined].sort((a, b) => a.after - b.after);
  }

  has(number: number): boolean {
    return this.#stretches.some(({ after, through }) => number > after && number <= through);
  }

  get size(): number {
    return this.#stretches.length;
  }
}
