import type { Socket } from "node:dgram";
import { toListenError } from "./listen.ts";
import type { ListenAddress, Listening } from "./listen.ts";

/**
 * Opens a UDP socket at `address` and resolves once it receives. Rejects with LISTEN_FAILED, which names the address and
 * the reason, and closes the socket, for what cannot be opened.
 */
export function bind(socket: Socket, address: ListenAddress): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      socket.off("listening", onListening).close();
      reject(toListenError(address, error));
    };
    const onListening = (): void => {
      socket.off("error", onError);
      const bound = socket.address();
      resolve({ host: bound.address, port: bound.port });
    };
    socket.once("error", onError).once("listening", onListening);
    socket.bind({ port: address.port, ...(address.host === null ? {} : { address: address.host }) });
  });
}
