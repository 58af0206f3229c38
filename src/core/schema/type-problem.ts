/**
 * A compile error with a sentence in it: nothing is assignable to it, so the compiler prints its parameter. Never a value.
 */
export interface TypeProblem<Sentence extends string> {
  readonly "~problem": Sentence;
}
