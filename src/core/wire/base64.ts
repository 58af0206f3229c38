/** Standard base64 with padding, as Standard Webhooks has it. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** The bytes of a text in exactly that form; `null`: it is another one (unpadded, URL-safe, with spaces). */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    // Bits that stand behind the last byte would give one value many texts.
    return toBase64(bytes) === text ? bytes : null;
  } catch {
    return null;
  }
}
