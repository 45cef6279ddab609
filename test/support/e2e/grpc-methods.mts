import type { MethodDefinition } from "@grpc/grpc-js";

type Text = MethodDefinition<string, string>;

const serialize = (text: string): Buffer => Buffer.from(text);
const deserialize = (bytes: Buffer): string => bytes.toString();

function method(name: string, requestStream = false, responseStream = false): Text {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

/** What the gRPC app of the end-to-end tests offers. */
export const methods = {
  unary: method("Unary"),
  stream: method("Stream", false, true),
  bidi: method("Bidi", true, true),
  fail: method("Fail"),
} as const;
