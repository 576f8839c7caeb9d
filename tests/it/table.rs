//! Creating the table where there is none.

use aws_sdk_dynamodb::types::{TimeToLiveSpecification, TimeToLiveStatus};
use roster::store::table::TIME_TO_LIVE;

use crate::harness::House;

#[tokio::test]
async fn a_table_whose_creation_was_cut_short_is_completed() {
    let house = House::new().await;
    let table = house.app.store.table();
    let off = TimeToLiveSpecification::builder().attribute_name(TIME_TO_LIVE).enabled(false).build().unwrap();
    house.dynamodb.update_time_to_live().table_name(table).time_to_live_specification(off).send().await.unwrap();
    for _ in 0..2 {
        house.app.store.create_table().await.unwrap();
        let answer = house.dynamodb.describe_time_to_live().table_name(table).send().await.unwrap();
        let found = answer.time_to_live_description.unwrap();
        assert_eq!(found.attribute_name.as_deref(), Some(TIME_TO_LIVE));
        assert_eq!(found.time_to_live_status, Some(TimeToLiveStatus::Enabled));
    }
}
