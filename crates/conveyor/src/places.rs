//! Owns the step between our word for a partition and librdkafka's lists of them.

use proto::Topic;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use crate::record::Place;

/// Returns the place that an element of a list names; none if it is not of a topic of ours.
pub(crate) fn place_of(element: &TopicPartitionListElem<'_>) -> Option<Place> {
    Some((Topic::parse(element.topic())?, element.partition()))
}

/// Returns the places as librdkafka takes them.
pub(crate) fn partition_list(places: impl IntoIterator<Item = Place>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in places {
        list.add_partition(topic.name(), partition);
    }
    list
}

/// Returns the places with offsets, or words of librdkafka's in their place, as it takes them.
pub(crate) fn word_list(words: impl IntoIterator<Item = (Place, Offset)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), word) in words {
        list.add_partition_offset(topic.name(), partition, word)
            .expect("any offset of a record can be set, and any word");
    }
    list
}

/// Returns the places with offsets as librdkafka takes them.
pub(crate) fn offset_list(offsets: impl IntoIterator<Item = (Place, i64)>) -> TopicPartitionList {
    word_list(offsets.into_iter().map(|(place, offset)| (place, Offset::Offset(offset))))
}

/// Returns the place of an element and the offset there. Where nothing is known stands a negative word, and where the answer
/// failed an error.
pub(crate) fn known_offset(element: &TopicPartitionListElem<'_>) -> Option<(Place, i64)> {
    element.error().ok()?;
    Some((place_of(element)?, element.offset().to_raw().filter(|next| *next >= 0)?))
}
