/** How many of something there are, for people: `1 reading`, `2 readings`. Pure. */
export function counted(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`;
}
