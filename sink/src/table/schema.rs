//! What the table must be like so that every row can be written and found. Pure: compares a description with our needs
//! and names the difference. More than we need, another index say, is no difference.

use aws_sdk_dynamodb::types::{
    KeySchemaElement, KeyType, ProjectionType, ScalarAttributeType, TableDescription,
};

use super::row::BY_DAY;

/// Attributes that a key of the table, or of anybody's index, may be made of: DynamoDB refuses a row in which one of them
/// is of another type.
const NUMBERS: [&str; 9] = [
    "attempt",
    "expires_at_unix_ms",
    "expires_at_unix_s",
    "finished_at_unix_ms",
    "height",
    "lease_until_unix_ms",
    "until_unix_ms",
    "uploaded_at_unix_ms",
    "width",
];
const TEXTS: [&str; 15] = [
    "channel",
    "counts",
    "customer_day",
    "customer_id",
    "dominant_colour",
    "failure_detail",
    "failure_reason",
    "filename",
    "format",
    "owner",
    "pk",
    "recipe",
    "set_by",
    "status",
    "thumbhash",
];

/// Returns in what the table differs from what rows need; none for one that takes every row.
pub(super) fn difference(table: &TableDescription) -> Option<String> {
    key_difference("its key", table.key_schema(), &[("pk", KeyType::Hash)])
        .or_else(|| type_difference(table))
        .or_else(|| index_difference(table))
}

fn key_difference(whose: &str, found: &[KeySchemaElement], wanted: &[(&str, KeyType)]) -> Option<String> {
    let found: Vec<(&str, KeyType)> =
        found.iter().map(|element| (element.attribute_name(), element.key_type().clone())).collect();
    (found != wanted).then(|| format!("{whose} is {}, not {}", words(&found), words(wanted)))
}

fn words(key: &[(&str, KeyType)]) -> String {
    let word = |(name, kind): &(&str, KeyType)| format!("`{name}` {kind}");
    match key {
        [] => "empty".to_owned(),
        key => key.iter().map(word).collect::<Vec<_>>().join(" and "),
    }
}

fn type_difference(table: &TableDescription) -> Option<String> {
    table.attribute_definitions().iter().find_map(|attribute| {
        let (name, found) = (attribute.attribute_name(), attribute.attribute_type());
        let wanted = type_of(name).filter(|wanted| wanted != found)?;
        Some(format!("its attribute `{name}` is of type {found}, not {wanted}"))
    })
}

/// Returns the type in which rows write an attribute; none for one that they do not.
fn type_of(name: &str) -> Option<ScalarAttributeType> {
    match name {
        name if TEXTS.contains(&name) => Some(ScalarAttributeType::S),
        name if NUMBERS.contains(&name) => Some(ScalarAttributeType::N),
        _ => None,
    }
}

fn index_difference(table: &TableDescription) -> Option<String> {
    let index = table.global_secondary_indexes().iter().find(|index| index.index_name() == Some(BY_DAY));
    let Some(index) = index else { return Some(format!("it has no index `{BY_DAY}`")) };
    let wanted = [("customer_day", KeyType::Hash), ("pk", KeyType::Range)];
    key_difference(&format!("the key of its index `{BY_DAY}`"), index.key_schema(), &wanted).or_else(|| {
        let projection = index.projection().and_then(|projection| projection.projection_type());
        let is_whole = projection == Some(&ProjectionType::All);
        (!is_whole).then(|| format!("its index `{BY_DAY}` does not hold whole rows"))
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, GlobalSecondaryIndex, Projection};

    use super::*;
    use crate::sample;
    use crate::table::tests::{table, unmade};
    use crate::table::{ApplyError, CheckError, Row, Table};

    /// A table as somebody else might make it: types, its key, the key of its index `by_day`, what that holds.
    struct Made {
        types: &'static [(&'static str, ScalarAttributeType)],
        key: &'static [&'static str],
        by_day: &'static [&'static str],
        holds: ProjectionType,
    }

    const RIGHT: Made = Made {
        types: &[("pk", ScalarAttributeType::S), ("customer_day", ScalarAttributeType::S)],
        key: &["pk"],
        by_day: &["customer_day", "pk"],
        holds: ProjectionType::All,
    };

    fn keys(names: &[&str]) -> Vec<KeySchemaElement> {
        let kinds = [KeyType::Hash, KeyType::Range];
        let key = |(name, kind): (&&str, KeyType)| {
            KeySchemaElement::builder().attribute_name(*name).key_type(kind).build().unwrap()
        };
        names.iter().zip(kinds).map(key).collect()
    }

    /// Makes the table.
    async fn make(table: &Table, made: Made) {
        let attribute = |(name, kind): &(&str, ScalarAttributeType)| {
            AttributeDefinition::builder().attribute_name(*name).attribute_type(kind.clone()).build().unwrap()
        };
        let index = (!made.by_day.is_empty()).then(|| {
            let holds = Projection::builder().projection_type(made.holds).build();
            let index = GlobalSecondaryIndex::builder().index_name(BY_DAY).projection(holds);
            vec![index.set_key_schema(Some(keys(made.by_day))).build().unwrap()]
        });
        let create = table
            .dynamodb
            .create_table()
            .table_name(&*table.name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(made.types.iter().map(attribute).collect()))
            .set_key_schema(Some(keys(made.key)))
            .set_global_secondary_indexes(index);
        create.send().await.expect("the server takes the table");
    }

    #[tokio::test]
    async fn a_table_made_otherwise_is_refused_by_name_and_turns_no_row_into_a_rejection() {
        use ScalarAttributeType::{N, S};
        for (made, named) in [
            (Made { key: &["pk", "customer_day"], ..RIGHT }, "its key is `pk` HASH and `customer_day` RANGE"),
            (
                Made { types: &[("pk", S), ("customer_day", N)], ..RIGHT },
                "`customer_day` is of type N, not S",
            ),
            (Made { types: &[("pk", S)], by_day: &[], ..RIGHT }, "it has no index `by_day`"),
            (
                Made { by_day: &["customer_day"], ..RIGHT },
                "the key of its index `by_day` is `customer_day` HASH,",
            ),
            (Made { holds: ProjectionType::KeysOnly, ..RIGHT }, "does not hold whole rows"),
        ] {
            let table = unmade().await;
            make(&table, made).await;
            let Err(CheckError::Refused { cause, .. }) = table.check().await else { panic!("{named}") };
            assert!(cause.to_string().contains(named), "{cause}");
            let provisioned = anyhow::Error::new(table.provision().await.expect_err(named));
            assert!(format!("{provisioned:#}").contains(named), "{provisioned:#}");
            let fact = sample::facts(sample::source("acme", "a.jpg"), 0).remove(0);
            let applied = table.apply(&Row { fact, set_by: sample::coordinates(1) }).await;
            assert!(!matches!(applied, Err(ApplyError::Refused(_))), "{named}: {applied:?}");
        }
        let table = unmade().await;
        make(&table, RIGHT).await;
        table.check().await.unwrap();
        table.provision().await.unwrap();
    }

    #[tokio::test]
    async fn a_row_that_no_table_takes_is_refused() {
        let table = table().await;
        let fact = sample::facts(sample::source("acme", &"a".repeat(500_000)), 0).remove(0);
        let applied = table.apply(&Row { fact, set_by: sample::coordinates(1) }).await;
        assert!(matches!(applied, Err(ApplyError::Refused(_))), "{applied:?}");
    }

    #[test]
    fn every_attribute_of_a_row_that_a_key_may_be_made_of_is_known() {
        for fact in sample::facts(sample::source("acme", "a.jpg"), 0) {
            for (name, value) in (Row { fact, set_by: sample::coordinates(1) }).to_item() {
                let written = match (value.is_s(), value.is_n()) {
                    (true, _) => Some(ScalarAttributeType::S),
                    (_, true) => Some(ScalarAttributeType::N),
                    _ => None,
                };
                assert_eq!(type_of(&name), written, "{name}");
            }
        }
    }
}
