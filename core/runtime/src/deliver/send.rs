//! Sending what is due: in batches, over several connections, each message with its own outcome. What is the server's matter stops
//! all of them at once, and nothing else does.

use super::probe;
use super::round::{Round, Stop};
use super::spoken::{later, say_due};
use super::trouble;
use crate::config::meant::Transport;
use crate::ledger::{
    Block, BlockReason, Claimed, Delivery, DeliveryState, MAIL, SENDER_STOPPED, Verdict, Wish,
};
use crate::life::{self, Doing, Part};
use crate::mail::{Answer, Letter, Outcome, Sender};
use crate::policy::{GRACE, Retry};
use crate::project::Project;
use chenbao_model::Digest;
use chenbao_model::diagnostic::Problems;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::Instrument as _;

/// So many messages are taken for each connection at once.
const BATCH: u32 = 12;
/// Added to twice the time of a send, a sender that dies loses what it holds after this long.
const SLACK: Duration = Duration::from_secs(60);

/// Sends everything whose time has come, by mail, robots and folders; none of them waits for another. Returns how many messages and
/// files were taken.
///
/// # Errors
/// The ledger does not answer. A server that takes nothing is no error: everything waits, and the owner is told.
pub async fn send_due(project: &Project) -> Result<usize, Problems> {
    let (mailed, said) = tokio::join!(mail_due(project), say_due(project));
    Ok(mailed? + said?)
}

/// Mails everything whose time has come and whose domain's rate allows it; returns how many messages were taken.
///
/// # Errors
/// The ledger does not answer. A mail server that takes nothing is no error: everything waits, and the owner is told.
pub async fn mail_due(project: &Project) -> Result<usize, Problems> {
    let now = project.clock.now();
    for delivery in project.ledger.orphaned(now).await? {
        trouble::unknown(project, &delivery, SENDER_STOPPED).await?;
    }
    project.ledger.reclaim(now).await?;
    let waits = |next: Option<Timestamp>| next.is_none_or(|next| next > now);
    if waits(project.ledger.next_delivery().await?) {
        return Ok(0);
    }
    let mut post = match Post::open(project) {
        Ok(post) => post,
        Err(problems) => {
            stop(project, &Stop::ours(&probe::unusable(&problems))).await?;
            return Ok(0);
        }
    };
    let done = post.send_all().await;
    post.close().await;
    done
}

/// Connections to the mail server, opened when they are needed.
struct Post<'a> {
    project: &'a Project,
    holder: String,
    lease: Duration,
    lines: Vec<Line>,
}

/// One connection.
struct Line {
    sender: Sender,
    /// Whether a message was answered on it.
    proven: bool,
    /// The server wants fewer connections: this one rests.
    resting: bool,
}

impl<'a> Post<'a> {
    fn open(project: &'a Project) -> Result<Self, Problems> {
        let mail = &project.config.mail;
        let (timeout, lines) = match &mail.transport {
            Transport::Smtp(smtp) => (smtp.timeout, mail.rates.connections),
            Transport::Folder(_) => (Duration::ZERO, 1),
        };
        let line = |sender| Line {
            sender,
            proven: false,
            resting: false,
        };
        Ok(Self {
            project,
            holder: life::node(),
            lease: timeout * 2 + SLACK,
            lines: probe::senders(mail, lines)?.into_iter().map(line).collect(),
        })
    }

    async fn send_all(&mut self) -> Result<usize, Problems> {
        let mut sent = 0;
        while !self.project.life.stopping() {
            let (alive, _) = self.working();
            let many = BATCH.saturating_mul(u32::try_from(alive).unwrap_or(1));
            let (ledger, now) = (&self.project.ledger, self.project.clock.now());
            let batch = ledger.claim_due(&self.holder, now, self.lease, many);
            let batch = batch.await?;
            if batch.is_empty() {
                break;
            }
            self.project.life.turn(Part::Mail, Doing::Work);
            let ready = self.sift(batch).await?;
            let round = Round::new(self.project, self.lease, ready, self.working());
            let lines = self.lines.iter_mut().filter(|line| !line.resting);
            let work = futures::future::join_all(lines.map(|line| line.work(&round)));
            let done: Result<Vec<usize>, Problems> = work.await.into_iter().collect();
            let (left, stopped) = round.end();
            ledger.hand_back(&left, now).await?;
            sent += done?.into_iter().sum::<usize>();
            if let Some(why) = stopped {
                stop(self.project, &why).await?;
                break;
            }
        }
        Ok(sent)
    }

    /// Connections that do not rest, and those of them on which a message was answered.
    fn working(&self) -> (usize, usize) {
        let alive = || self.lines.iter().filter(|line| !line.resting);
        (alive().count(), alive().filter(|line| line.proven).count())
    }

    async fn close(&mut self) {
        for line in &mut self.lines {
            line.sender.close().await;
        }
    }

    /// What of a batch may leave now: not what is barred, and of each domain no more than its rate allows.
    async fn sift(&self, batch: Vec<Claimed>) -> Result<Vec<Claimed>, Problems> {
        let (project, now) = (self.project, self.project.clock.now());
        let blocks = project.ledger.blocks().await?;
        let mut domains: BTreeMap<String, Vec<Claimed>> = BTreeMap::new();
        for claimed in batch {
            match barred(project, &blocks, &claimed.delivery) {
                Some(note) => suppress(project, &claimed, note).await?,
                None => domains
                    .entry(domain_of(&claimed.delivery.recipient))
                    .or_default()
                    .push(claimed),
            }
        }
        let granted = granted(project, &domains, now).await?;
        let mut ready = Vec::new();
        for (domain, mut claims) in domains {
            if let Some((granted, free)) = granted.get(&domain) {
                let late = claims.split_off((*granted).min(claims.len()));
                project.ledger.hand_back(&late, *free).await?;
            }
            ready.extend(claims);
        }
        ready.sort_by_key(|claimed| claimed.delivery.due);
        Ok(ready)
    }
}

impl Line {
    /// Sends message after message, until none is left or the server's matter stops all.
    async fn work(&mut self, round: &Round<'_>) -> Result<usize, Problems> {
        let mut sent = 0;
        while !self.resting
            && let Some(claimed) = round.next()
        {
            let delivery = &claimed.delivery;
            let span = tracing::error_span!(
                "delivery", delivery = %delivery.id, run = %delivery.run, report = %delivery.issue.report,
                period = %delivery.issue.period, audience = %delivery.audience, channel = %delivery.channel,
            );
            let send = self.send(round, &claimed).instrument(span);
            sent += usize::from(send.await?);
            round.project.life.turn(Part::Mail, Doing::Work);
        }
        Ok(sent)
    }

    async fn send(&mut self, round: &Round<'_>, claimed: &Claimed) -> Result<bool, Problems> {
        let (project, delivery) = (round.project, &claimed.delivery);
        let bytes = match round.message(delivery).await {
            Ok(bytes) => bytes,
            Err(problem) => {
                let answer = Answer::not_assembled(problem.to_string());
                finish(round, claimed, &answer).await?;
                return Ok(false);
            }
        };
        let digest = Digest::of(&bytes);
        if delivery
            .digest
            .as_ref()
            .is_some_and(|first| *first != digest)
        {
            let note = "it is not, byte for byte, the message that left first under its name; nothing was sent";
            finish(round, claimed, &Answer::not_assembled(note.to_owned())).await?;
            return Ok(false);
        }
        let starts = claimed.starts(&digest, round.lease);
        if !round.scribe.write(starts).await? {
            return Ok(false);
        }
        let now = project.clock.now();
        let token = project.delivery_token(&delivery.id);
        let wants_reports = project.config.mail.bounces.is_some();
        let letter = Letter {
            from: &delivery.sender,
            to: &delivery.recipient,
            envid: wants_reports.then_some(token.as_str()),
            bytes: &bytes,
            file_name: &delivery.file_name,
        };
        let mut answer = self.sender.send(&letter).await;
        let took = project.clock.now().duration_since(now);
        let took = Duration::try_from(took).unwrap_or_default();
        if round.is_servers_matter(&answer) {
            // The server may take mail, only not on so many connections.
            self.resting = round.rests(&answer, self.proven);
            match self.resting {
                true => answer.retry = Retry::AT_ONCE,
                false => round.stop(&answer, delivery),
            }
        } else if !self.proven && !answer.lost {
            self.proven = true;
            round.proves();
        }
        let state = finish(round, claimed, &answer).await?;
        let meter = project.life.meter();
        meter.sent(&delivery.channel, state.word(), took);
        Ok(state == DeliveryState::Sent)
    }
}

/// How many of each domain's claims its rate allows now, and until when the others wait; a domain without a rate is left out.
async fn granted(
    project: &Project,
    domains: &BTreeMap<String, Vec<Claimed>>,
    now: Timestamp,
) -> Result<BTreeMap<String, (usize, Timestamp)>, Problems> {
    let rates = &project.config.mail.rates;
    let limited = project.mail_channel() == MAIL;
    let wish = |(domain, claims): (&String, &Vec<Claimed>)| {
        let rate = rates.of(domain).filter(|_| limited)?;
        let wanted = u32::try_from(claims.len()).unwrap_or(u32::MAX);
        Some((domain.clone(), rate, wanted))
    };
    let asked: Vec<_> = domains.iter().filter_map(wish).collect();
    let wishes: Vec<Wish<'_>> = asked
        .iter()
        .map(|(domain, rate, wanted)| Wish {
            domain,
            rate: *rate,
            wanted: *wanted,
        })
        .collect();
    let answers = project.ledger.grant(&wishes, now).await?;
    let answer = |(granted, free)| (usize::try_from(granted).unwrap_or(usize::MAX), free);
    let names = asked.iter().map(|(domain, _, _)| domain.clone());
    Ok(names.zip(answers.into_iter().map(answer)).collect())
}

/// Why a delivery must not leave; none if it may.
fn barred(project: &Project, blocks: &[Block], delivery: &Delivery) -> Option<String> {
    let to = &delivery.recipient;
    if !project.config.may_mail(to) {
        return Some(format!("{to} is outside [deliver] allow"));
    }
    let block = blocks.iter().find(|block| {
        let report = block.report.as_ref();
        block.recipient == to.to_lowercase()
            && report.is_none_or(|report| *report == delivery.issue.report)
    })?;
    Some(match block.reason {
        BlockReason::Quarantined => {
            format!("quarantined: {}; see `chenbao recipients`", block.note)
        }
        BlockReason::Unsubscribed => {
            format!("unsubscribed: {}; see `chenbao recipients`", block.note)
        }
    })
}

/// The part of an address behind the `@`, lower-case.
fn domain_of(address: &str) -> String {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    domain.to_ascii_lowercase()
}

async fn suppress(project: &Project, claimed: &Claimed, note: String) -> Result<(), Problems> {
    let verdict = Verdict {
        state: DeliveryState::Suppressed,
        retry_at: None,
        note,
    };
    let (ledger, now) = (&project.ledger, project.clock.now());
    Ok(ledger.finish_attempt(claimed, &verdict, now).await?)
}

/// Says what became of an attempt: to the owner where he must know, then to the ledger. Who dies between the two says it again.
async fn finish(
    round: &Round<'_>,
    claimed: &Claimed,
    answer: &Answer,
) -> Result<DeliveryState, Problems> {
    let project = round.project;
    let (delivery, now) = (&claimed.delivery, project.clock.now());
    let verdict = verdict(answer, delivery.due, now);
    let (state, note) = (verdict.state, &verdict.note);
    tracing::info!(recipient = %delivery.recipient, attempt = claimed.attempt, state = state.word(), "{note}");
    match state {
        DeliveryState::Unknown => trouble::unknown(project, delivery, note).await?,
        DeliveryState::Bounced => trouble::bounced(project, delivery, answer.about, note).await?,
        _ => {}
    }
    let state = verdict.state;
    round.scribe.write(claimed.finishes(verdict)).await?;
    Ok(state)
}

/// What an answer makes of a delivery that was due then.
fn verdict(answer: &Answer, due: Timestamp, now: Timestamp) -> Verdict {
    let (state, retry_at) = match answer.outcome {
        Outcome::Sent => (DeliveryState::Sent, None),
        Outcome::Unknown => (DeliveryState::Unknown, None),
        Outcome::Bounced => (DeliveryState::Bounced, None),
        Outcome::Deferred | Outcome::Refused => match answer.retry.pause(waited(due, now)) {
            Some(pause) => (DeliveryState::Deferred, Some(later(now, pause))),
            None => (DeliveryState::Bounced, None),
        },
    };
    let given_up = state == DeliveryState::Bounced && answer.outcome != Outcome::Bounced;
    let note = match given_up {
        true => format!("given up: {}", answer.note),
        false => answer.note.clone(),
    };
    Verdict {
        state,
        retry_at,
        note,
    }
}

fn waited(due: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(due)).unwrap_or_default()
}

/// The server takes nothing now: everything that is due waits. The owner hears of it at once if a person must mend something, and
/// else when it lasts.
async fn stop(project: &Project, why: &Stop) -> Result<(), Problems> {
    let (ledger, now) = (&project.ledger, project.clock.now());
    let due = why.due.unwrap_or(now);
    let pause = why.retry.pause(waited(due, now));
    let next = later(now, pause.unwrap_or(why.retry.longest));
    if why.refused || now.duration_since(due) >= GRACE {
        trouble::server(project, &why.note, None).await?;
    }
    let given_up = later(now, Duration::ZERO)
        .checked_sub(SignedDuration::try_from(why.retry.give_up).unwrap_or(SignedDuration::MAX))
        .unwrap_or(Timestamp::MIN);
    let channel = project.mail_channel();
    for delivery in ledger.give_up(channel, given_up, &why.note, now).await? {
        trouble::given_up(project, &delivery).await?;
    }
    let many = ledger.defer_all(channel, next, &why.note, now).await?;
    tracing::warn!(until = %next, waiting = many, "mail waits: {}", why.note);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::About;

    #[test]
    fn what_is_refused_for_now_waits_longer_each_time_and_not_for_ever() {
        let due: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let answer = Answer {
            outcome: Outcome::Deferred,
            about: About::Message,
            retry: Retry::MAIL,
            lost: false,
            note: "451 later".into(),
        };
        let mut now = due;
        let mut tries = 0;
        loop {
            let verdict = verdict(&answer, due, now);
            tries += 1;
            match verdict.retry_at {
                Some(next) => now = next,
                None => {
                    assert_eq!(verdict.state, DeliveryState::Bounced);
                    assert_eq!(verdict.note, "given up: 451 later");
                    break;
                }
            }
        }
        assert!((20..80).contains(&tries), "{tries}");
        assert!(now.duration_since(due) < SignedDuration::from_hours(25));
    }
}
