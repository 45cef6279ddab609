/**
 * User agents that ask without anybody wanting the service: they neither wake it nor keep it awake (design §8.3).
 *
 * Left out on purpose, each can be added with `no_wake`: search crawlers (a site that always answers them 503 drops out
 * of the index), federated servers such as Mastodon (their user agent also delivers real messages), healthchecks.io (it
 * calls only to deliver a notice), and the names that browsers inside apps carry too (`Snapchat/`, `Viber/`, `Line/`).
 */

/** Uptime monitors and health checks of load balancers. */
export const monitorAgents = [
  "Uptime-Kuma/",
  "UptimeRobot/",
  "Pingdom",
  "StatusCake",
  "Better Uptime Bot",
  "Better Stack",
  "HetrixTools",
  "Site24x7",
  "Gatus/",
  "kube-probe/",
  "Prometheus/",
  "Blackbox Exporter/",
  "Blackbox-Exporter/",
  "Zabbix",
  "check_http/",
  "NodePing",
  "Freshping",
  "updown.io",
  "OhDear/",
  "Uptrends",
  "Checkly",
  "Cronitor",
  "Hyperping",
  "SentryUptimeBot",
  "monitoring360bot",
  "Statping",
  "Datadog/Synthetics",
  "DatadogSynthetics",
  "NewRelicPinger",
  "NewRelicSynthetics",
  "GoogleStackdriverMonitoring",
  "GoogleHC/",
  "ELB-HealthChecker",
  "Amazon-Route53-Health-Check",
  "Cloudflare-Healthchecks",
  "Consul Health Check",
] as const;

/** Fetchers that build the preview of a link somebody posted. */
export const previewAgents = [
  "facebookexternalhit/",
  "Facebot",
  "Twitterbot",
  "Slackbot",
  "Slack-ImgProxy",
  "Discordbot/",
  "TelegramBot",
  "WhatsApp/",
  "LinkedInBot/",
  "SkypeUriPreview",
  "Pinterestbot",
  "redditbot/",
  "Embedly/",
  "Iframely/",
  "Bluesky Cardyb",
  "Synapse (bot;",
  "mattermost-bot/",
  "Snap URL Preview",
  "Google-PageRenderer",
  "BingPreview/",
] as const;
