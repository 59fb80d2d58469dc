//! The order of facts: which fact may replace which. Pure. The table has the same rule as a condition that DynamoDB checks
//! at the moment of writing, held to this one by a test.
//!
//! Among the facts about one image the row ends up with: the latest attempt's processed, if any attempt was processed;
//! else the latest attempt's failed; but an upload of a later attempt stands above an earlier failure. Of two final
//! facts of the same attempt the first wins. So the order of arrival and repetition change nothing.

use proto::UnixMillis;

/// The three states by name, as they stand in rows, answers and SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    Uploaded,
    Processed,
    Failed,
}

impl Status {
    pub(crate) const ALL: [Status; 3] = [Status::Uploaded, Status::Processed, Status::Failed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Uploaded => "uploaded",
            Status::Processed => "processed",
            Status::Failed => "failed",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// What a fact, or a row, says, as far as the order of facts cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) status: Status,
    pub(crate) attempt: u32,
}

/// Says whether `new` replaces what the row says. Every fact replaces no row at all.
pub(crate) fn replaces(new: Standing, row: Option<Standing>) -> bool {
    let Some(row) = row else { return true };
    match (new.status, row.status) {
        (Status::Processed, Status::Uploaded) => true,
        (Status::Processed, Status::Failed) => row.attempt != new.attempt,
        (Status::Processed, Status::Processed) => row.attempt < new.attempt,
        (Status::Failed, Status::Uploaded) => row.attempt <= new.attempt,
        (Status::Failed, Status::Failed) => row.attempt < new.attempt,
        (Status::Uploaded, Status::Uploaded | Status::Failed) => row.attempt < new.attempt,
        (Status::Failed | Status::Uploaded, Status::Processed) => false,
    }
}

/// What a fact, or a row, says, as far as the statistics care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) standing: Standing,
    pub(crate) finished_at: Option<UnixMillis>,
}

/// Says whether `new` replaces what is known, for readers who do not ask the row. The row takes the first of two final facts
/// of one attempt; topics have no mutual order, so each reader may meet another one first. Here processed stands above
/// failed, and the earlier above the later: all readers end with the same, whatever they meet first.
pub(crate) fn outranks(new: Ending, known: Option<Ending>) -> bool {
    let Some(known) = known else { return true };
    let is_of_same = new.standing.attempt == known.standing.attempt;
    match (new.standing.status, known.standing.status) {
        (Status::Processed, Status::Failed) if is_of_same => true,
        (Status::Failed, Status::Processed) if is_of_same => false,
        (new_status, known_status) if is_of_same && new_status == known_status => {
            new.finished_at < known.finished_at
        }
        _ => replaces(new.standing, Some(known.standing)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn standing() -> impl Strategy<Value = Standing> {
        (select(Status::ALL.to_vec()), 0_u32..4).prop_map(|(status, attempt)| Standing { status, attempt })
    }

    /// Facts as they can happen: an attempt has at most one final fact.
    fn history() -> impl Strategy<Value = Vec<Standing>> {
        prop::collection::vec(standing(), 1..8).prop_map(|mut facts| {
            let mut ended = std::collections::HashSet::new();
            facts.retain(|fact| fact.status == Status::Uploaded || ended.insert(fact.attempt));
            facts
        })
    }

    fn row_after(facts: &[Standing]) -> Option<Standing> {
        facts.iter().fold(None, |row, fact| if replaces(*fact, row) { Some(*fact) } else { row })
    }

    proptest! {
        #[test]
        fn any_order_and_repetition_gives_the_same_row(
            (facts, shuffled) in history().prop_flat_map(|facts| {
                let twice = [facts.clone(), facts.clone()].concat();
                (Just(facts), Just(twice).prop_shuffle())
            })
        ) {
            prop_assert_eq!(row_after(&facts), row_after(&shuffled));
        }

        #[test]
        fn a_fact_never_replaces_itself(fact in standing()) {
            prop_assert!(!replaces(fact, Some(fact)));
        }
    }

    fn ending_after(facts: &[Ending]) -> Option<Ending> {
        facts.iter().fold(None, |known, fact| if outranks(*fact, known) { Some(*fact) } else { known })
    }

    proptest! {
        #[test]
        fn readers_who_meet_facts_in_any_order_agree_even_where_an_attempt_has_ended_twice(
            (facts, shuffled) in prop::collection::vec((standing(), 0_i64..3), 1..10).prop_flat_map(|facts| {
                let ending = |(standing, at): (Standing, i64)| {
                    let finished_at = (standing.status != Status::Uploaded).then_some(UnixMillis(at));
                    Ending { standing, finished_at }
                };
                let facts: Vec<Ending> = facts.into_iter().map(ending).collect();
                let twice = [facts.clone(), facts.clone()].concat();
                (Just(facts), Just(twice).prop_shuffle())
            })
        ) {
            prop_assert_eq!(ending_after(&facts), ending_after(&shuffled));
        }
    }

    #[test]
    fn the_first_final_fact_of_an_attempt_wins() {
        let (processed, failed) = (Status::Processed, Status::Failed);
        let of = |status| Standing { status, attempt: 1 };
        assert!(!replaces(of(failed), Some(of(processed))));
        assert!(!replaces(of(processed), Some(of(failed))));
    }

    #[test]
    fn a_later_failure_never_hides_a_processed_image() {
        let failed = Standing { status: Status::Failed, attempt: 3 };
        assert!(!replaces(failed, Some(Standing { status: Status::Processed, attempt: 0 })));
    }
}
