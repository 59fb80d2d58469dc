//! A fact as the sink works with it: which image, which attempt, what became of it. Owns the one place where the
//! records of three topics become the same thing. Knows nothing about where facts are kept.

use conveyor::Record;
use proto::{
    Codec, DecodeError, Event, ImageFailed, ImageProcessed, ImageUploaded, Placeholder, Reason,
    RenditionFact, Source, Topic, UnixMillis,
};

use crate::order::{Ending, Standing, Status};

/// What one record says about one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// The original: each fact carries it whole.
    pub(crate) source: Source,
    /// Which attempt this is about.
    pub(crate) attempt: u32,
    /// What became of the image.
    pub(crate) state: State,
}

/// What became of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The original is in S3.
    Uploaded,
    /// Every rendition is in S3.
    Processed { renditions: Vec<RenditionFact>, placeholder: Placeholder, at: UnixMillis },
    /// It failed for good.
    Failed { reason: Reason, detail: String, at: UnixMillis },
}

impl Fact {
    pub(crate) fn status(&self) -> Status {
        match self.state {
            State::Uploaded => Status::Uploaded,
            State::Processed { .. } => Status::Processed,
            State::Failed { .. } => Status::Failed,
        }
    }

    /// Returns what the order of facts looks at.
    pub(crate) fn standing(&self) -> Standing {
        Standing { status: self.status(), attempt: self.attempt }
    }

    /// Returns what the order of the statistics looks at.
    pub(crate) fn ending(&self) -> Ending {
        Ending { standing: self.standing(), finished_at: self.finished_at() }
    }

    /// Returns when the image reached its end, if it has.
    pub(crate) fn finished_at(&self) -> Option<UnixMillis> {
        match self.state {
            State::Uploaded => None,
            State::Processed { at, .. } | State::Failed { at, .. } => Some(at),
        }
    }
}

impl From<ImageUploaded> for Fact {
    fn from(event: ImageUploaded) -> Fact {
        Fact { source: event.source, attempt: event.attempt, state: State::Uploaded }
    }
}

impl From<ImageProcessed> for Fact {
    fn from(event: ImageProcessed) -> Fact {
        let ImageProcessed { renditions, placeholder, processed_at: at, .. } = event;
        let state = State::Processed { renditions, placeholder, at };
        Fact { source: event.source, attempt: event.attempt, state }
    }
}

/// A dead letter tells of an image only where the record could be read that far.
fn of_letter(event: ImageFailed) -> Option<Fact> {
    let state = State::Failed { reason: event.reason, detail: event.detail, at: event.failed_at };
    Some(Fact { source: event.source?, attempt: event.attempt, state })
}

/// Parses a record of any of the three topics. None for a dead letter that names no image.
pub(crate) async fn read(codec: &Codec, record: &Record) -> Result<Option<Fact>, DecodeError> {
    Ok(match record.topic {
        Topic::Uploaded => Some(decode::<ImageUploaded>(codec, record).await?.into()),
        Topic::Processed => Some(decode::<ImageProcessed>(codec, record).await?.into()),
        Topic::Failed => of_letter(decode::<ImageFailed>(codec, record).await?),
    })
}

async fn decode<E: Event>(codec: &Codec, record: &Record) -> Result<E, DecodeError> {
    codec.decode::<E>(&record.value).await
}
