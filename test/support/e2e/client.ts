import { Agent, request } from "node:http";
import { WebSocket } from "ws";

export interface Question {
  /** Goes into Host; a proxy on another port than 80 gets it with its port. */
  readonly host: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

/** What a browser sends when somebody opens a page. */
export const navigation = {
  Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Sec-Fetch-Mode": "navigate",
  "Sec-Fetch-Dest": "document",
  "Sec-Fetch-Site": "none",
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/150 Safari/537.36",
} as const;

/** As curl or a program asks. */
export const program = { Accept: "application/json", "User-Agent": "curl/8.0" } as const;

/** One request over a connection of its own, told to 127.0.0.1 whatever the host. */
export async function ask(port: number, question: Question): Promise<Reply> {
  const agent = new Agent({ keepAlive: false });
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        agent,
        host: "127.0.0.1",
        port,
        path: question.path,
        method: question.method ?? "GET",
        headers: {
          Host: `${question.host}:${port}`,
          ...(question.body === undefined ? {} : { "Content-Length": Buffer.byteLength(question.body) }),
          ...(question.headers ?? program),
        },
      },
      (response) => {
        response.setEncoding("utf8");
        let text = "";
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(question.body);
  });
}

/** Opens a WebSocket, says `words`, returns what came back, closes. */
export async function echo(port: number, question: Pick<Question, "host" | "path">, words: string): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${question.path}`, {
    headers: { Host: `${question.host}:${port}` },
  });
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("close", (code) => reject(new Error(`closed with ${code} before an answer`)));
      socket.on("open", () => socket.send(words));
      socket.on("message", (data: Buffer) => resolve(data.toString()));
    });
  } finally {
    socket.close();
  }
}
