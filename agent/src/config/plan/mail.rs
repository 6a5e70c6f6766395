//! Mail about changes of state.

use serde::Serialize;

/// keepalived's.
const PORT: u16 = 25;
/// keepalived's.
const CONNECT_SECONDS: u16 = 30;

/// To whom, from whom, by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailPlan {
    /// `notification_email`, in the order of the config. Without one nothing is sent.
    pub recipients: Vec<String>,
    /// `notification_email_from`; absent: `keepalived@` and the host's name.
    pub sender: Option<String>,
    /// `smtp_server`.
    pub server: MailServer,
    /// `smtp_helo_name`; absent: the host's name.
    pub helo: Option<String>,
    /// `smtp_connect_timeout`: 1 to 4294 seconds.
    pub connect_seconds: u16,
    /// `smtp_alert`.
    pub alert: Option<bool>,
    /// `smtp_alert_vrrp`, else `smtp_alert`: of instances and groups that do not say theirs.
    pub alert_vrrp: Option<bool>,
    /// `smtp_alert_checker`, else `smtp_alert`: of servers that do not say theirs.
    pub alert_checker: Option<bool>,
    /// `no_email_faults`.
    pub no_faults: bool,
    /// `no_checker_emails`.
    pub no_checkers: bool,
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailServer {
    /// Address or name.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl MailServer {
    /// Of this host, at the usual port.
    pub fn at(host: &str) -> Self {
        Self { host: host.to_owned(), port: PORT }
    }
}

impl Default for MailPlan {
    fn default() -> Self {
        Self {
            recipients: Vec::new(),
            sender: None,
            server: MailServer::at("127.0.0.1"),
            helo: None,
            connect_seconds: CONNECT_SECONDS,
            alert: None,
            alert_vrrp: None,
            alert_checker: None,
            no_faults: false,
            no_checkers: false,
        }
    }
}
