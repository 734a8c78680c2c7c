//! The kinds of channels, and what each takes: limits as data, each with the page that says so.

use std::time::Duration;

use super::fit::{Escape, Limits, Measure, Rate};
use crate::model::words::words;

words! {
    /// What a channel speaks.
    Kind {
        /// A POST of one JSON document, or of a template's text.
        Webhook = "webhook";
        /// SMTP.
        Email = "email";
        /// Alertmanager's API, version 2.
        Alertmanager = "alertmanager";
        /// An incoming web hook of Slack, or of what speaks like it (Mattermost, Rocket.Chat).
        Slack = "slack";
        /// A web hook of a Discord channel.
        Discord = "discord";
        /// A workflow of Microsoft Teams that takes web hooks.
        Teams = "teams";
        /// A bot of Telegram.
        Telegram = "telegram";
        /// A topic of ntfy.
        Ntfy = "ntfy";
        /// An application of Gotify.
        Gotify = "gotify";
        /// Events of PagerDuty, version 2.
        Pagerduty = "pagerduty";
        /// A custom robot of DingTalk.
        Dingtalk = "dingtalk";
        /// A custom bot of Feishu.
        Feishu = "feishu";
        /// A custom bot of Lark, which is Feishu under another name.
        Lark = "lark";
        /// A group robot of WeCom.
        Wecom = "wecom";
        /// A GET while all is well; takes no messages.
        Heartbeat = "heartbeat";
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// The largest document of a web hook, of Alertmanager and of PagerDuty, and the longest mail, bytes.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 10;

/// The longest text of Slack, characters: what its pages recommend; beyond 40,000 it is cut there.
pub const MAX_SLACK_CHARS: usize = 4_000;

/// The longest text of an embed of Discord, characters; all of an embed is 6,000.
pub const MAX_DISCORD_CHARS: usize = 4_096;

/// The largest message of Teams, bytes: 28 KB, less the card around the text.
pub const MAX_TEAMS_BYTES: usize = 28_000;

/// The longest text of Telegram, units of UTF-16.
pub const MAX_TELEGRAM_UNITS: usize = 4_096;

/// The longest text of ntfy, bytes; a longer one becomes a file that is attached.
pub const MAX_NTFY_BYTES: usize = 4_096;

/// The longest text of Gotify, bytes. Gotify names no limit; this is what a phone shows.
pub const MAX_GOTIFY_BYTES: usize = 16 << 10;

/// The largest message of DingTalk, bytes.
pub const MAX_DINGTALK_BYTES: usize = 20_000;

/// The largest request of Feishu and Lark, bytes: 20 KB.
pub const MAX_FEISHU_BYTES: usize = 20_000;

/// The longest text of WeCom, bytes of UTF-8.
pub const MAX_WECOM_BYTES: usize = 2_048;

/// The longest subject and title, characters or whatever else the receiver counts.
pub const MAX_TITLE: usize = 200;

/// What of a document is not text: names of fields, signatures, moments.
const AROUND: usize = 2_000;

impl Kind {
    /// What it takes.
    #[must_use]
    pub const fn limits(self) -> Limits {
        let plain = Limits {
            title: MAX_TITLE,
            length: MAX_DOCUMENT_BYTES,
            measure: Measure::Bytes,
            escape: Escape::Plain,
            document: MAX_DOCUMENT_BYTES,
            rate: Rate { count: 60, per: MINUTE },
        };
        let no_title = Limits { title: 0, ..plain };
        match self {
            Self::Webhook | Self::Alertmanager | Self::Pagerduty | Self::Heartbeat => plain,
            // Each recipient is a mail of its own, and the recipient's server counts.
            Self::Email => Limits { rate: Rate { count: 20, per: MINUTE }, ..plain },
            // api.slack.com/docs/rate-limits: one message a second and channel.
            Self::Slack => Limits {
                length: MAX_SLACK_CHARS,
                measure: Measure::Utf16,
                escape: Escape::Angles,
                ..no_title
            },
            // discord.com/developers/docs/resources/message: embed limits; 30 a minute and web hook.
            Self::Discord => Limits {
                length: MAX_DISCORD_CHARS,
                measure: Measure::Utf16,
                escape: Escape::Markdown,
                rate: Rate { count: 30, per: MINUTE },
                ..plain
            },
            // learn.microsoft.com, "Create Incoming Webhooks": 28 KB; four requests a second.
            Self::Teams => Limits {
                length: MAX_TEAMS_BYTES - AROUND,
                measure: Measure::Json,
                escape: Escape::MarkdownLines,
                document: MAX_TEAMS_BYTES,
                ..no_title
            },
            // core.telegram.org/bots/faq: 20 messages a minute to one group.
            Self::Telegram => Limits {
                length: MAX_TELEGRAM_UNITS,
                measure: Measure::Utf16,
                escape: Escape::Html,
                rate: Rate { count: 20, per: MINUTE },
                ..no_title
            },
            // docs.ntfy.sh/publish: 4,096 bytes; one request per 5 s beyond a burst of 60.
            Self::Ntfy => {
                Limits { length: MAX_NTFY_BYTES, rate: Rate { count: 12, per: MINUTE }, ..plain }
            }
            Self::Gotify => Limits { length: MAX_GOTIFY_BYTES, ..plain },
            // open.dingtalk.com, "Custom robots": 20,000 bytes, 20 a minute; more is 10 minutes of none.
            Self::Dingtalk => Limits {
                length: MAX_DINGTALK_BYTES - AROUND,
                measure: Measure::Json,
                document: MAX_DINGTALK_BYTES,
                rate: Rate { count: 20, per: MINUTE },
                ..no_title
            },
            // open.feishu.cn, "Custom bot": 20 KB, 100 a minute.
            Self::Feishu | Self::Lark => Limits {
                length: MAX_FEISHU_BYTES - AROUND,
                measure: Measure::Json,
                document: MAX_FEISHU_BYTES,
                rate: Rate { count: 100, per: MINUTE },
                ..plain
            },
            // developer.work.weixin.qq.com/document/path/91770: 2,048 bytes, 20 a minute.
            Self::Wecom => Limits {
                length: MAX_WECOM_BYTES,
                rate: Rate { count: 20, per: MINUTE },
                ..no_title
            },
        }
    }

    /// Whether each alarm is told on its own, and known to the receiver by its identity. Such a channel
    /// wants every alarm as an item; for the others the first few are enough.
    #[must_use]
    pub const fn tells_each(self) -> bool {
        matches!(self, Self::Alertmanager | Self::Pagerduty)
    }

    /// How often an alarm has to be told again while it fires, for the receiver forgets it.
    #[must_use]
    pub const fn forgets_after(self) -> Option<Duration> {
        match self {
            Self::Alertmanager => Some(MINUTE),
            _ => None,
        }
    }
}
