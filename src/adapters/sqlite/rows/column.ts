/** How a field is written into its column. */
export type FieldCodec = "text" | "json" | "number";

/** A field's column: how it is written, as what it is declared, and its place in a record that is read. */
export interface Column {
  readonly name: string;
  readonly codec: FieldCodec;
  readonly declared: string;
  readonly at: number;
}
