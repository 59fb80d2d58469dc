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

/// Returns the places, each with the same word in its offset's place.
pub(crate) fn logical_list(places: &[Place], word: Offset) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in places {
        list.add_partition_offset(topic.name(), *partition, word).expect("a word of librdkafka's can be set");
    }
    list
}

/// Returns the places with offsets as librdkafka takes them.
pub(crate) fn offset_list(offsets: impl IntoIterator<Item = (Place, i64)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in offsets {
        list.add_partition_offset(topic.name(), partition, Offset::Offset(offset))
            .expect("any offset of a record can be set");
    }
    list
}
