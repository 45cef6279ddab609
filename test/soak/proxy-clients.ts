/** Idle WebSocket clients in a process of their own: `PORT COUNT` as arguments, says `open` once all are. */
import { WebSocket } from "ws";

const [port = "", count = ""] = process.argv.slice(2);
let opened = 0;
let lost = 0;
const atOnce = 100;

async function open(): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { host: "ws.test" }, perMessageDeflate: false });
  socket.on("close", () => lost++);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  opened++;
}

while (opened < Number(count)) await Promise.all(Array.from({ length: atOnce }, open));
console.log("open");
process.on("SIGTERM", () => {
  console.log(`lost ${lost}`);
  process.exit(0);
});
setInterval(() => undefined, 1_000);
