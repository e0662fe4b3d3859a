/** Which columns of a table, of which index; `fixed`: conditions on the columns of the index before them. */
export interface Sought {
  from: string;
  fixed: readonly string[];
  columns: readonly string[];
}

type Value = string | number;

/**
 * The first row behind some values, in order of these columns. Of a comparison of row values, `(a, b) > (?, ?)`, SQLite seeks the first that is equal and walks
 * all that are (sqlite.org/rowvalue.html says nothing of it, EXPLAIN does: SeekGE): of a series that is all of its readings. Parameters: `behind`.
 */
export function firstBehind({ from, fixed, columns }: Sought): string {
  const order = columns.join(', ');
  const names = columns.map((column) => column.slice(column.indexOf('.') + 1)).join(', ');
  const parts = columns.map((_, i) => {
    const equal = columns.slice(0, columns.length - 1 - i).map((column) => `${column} = ?`);
    const conditions = [...fixed, ...equal, `${columns[columns.length - 1 - i]} > ?`];
    return `SELECT * FROM (SELECT ${order} FROM ${from} WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT 1) AS found`;
  });
  return `${parts.join('\n    UNION ALL ')}\n    ORDER BY ${names} LIMIT 1`;
}

/** The parameters of `firstBehind`: those of its conditions, and the values. */
export function behind(fixed: readonly Value[], values: readonly Value[]): Value[] {
  return values.flatMap((_, i) => [...fixed, ...values.slice(0, values.length - i)]);
}
