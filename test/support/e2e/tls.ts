import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { selfSigned } from "../self-signed.ts";

/** The certificate of the tests as files in that directory; `both` has certificate and key in one. */
export async function writeCertificate(
  directory: string,
): Promise<{ readonly cert: string; readonly key: string; readonly both: string }> {
  const [cert, key, both] = ["cert.pem", "key.pem", "both.pem"].map((name) => join(directory, name));
  if (cert === undefined || key === undefined || both === undefined) throw new Error("three names are three paths");
  await writeFile(cert, selfSigned.cert);
  await writeFile(key, selfSigned.key);
  await writeFile(both, selfSigned.cert + selfSigned.key);
  return { cert, key, both };
}
