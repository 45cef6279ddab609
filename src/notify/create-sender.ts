import type { NotifierSpec } from "../core/notices.ts";
import { createPoster } from "./post.ts";
import type { Sender } from "./sender.ts";
import { createDiscordSender, createGotifySender, createNtfySender, createSlackSender } from "./senders/chat.ts";
import { createSmtpSender } from "./senders/smtp.ts";
import { createWebhookSender } from "./senders/webhook.ts";

export function createSender(spec: NotifierSpec): Sender {
  switch (spec.type) {
    case "webhook":
      return createWebhookSender(spec, createPoster());
    case "ntfy":
      return createNtfySender(spec, createPoster());
    case "gotify":
      return createGotifySender(spec, createPoster());
    case "discord":
      return createDiscordSender(spec, createPoster());
    case "slack":
      return createSlackSender(spec, createPoster());
    case "smtp":
      return createSmtpSender(spec);
  }
}
