//! DELETE /users/{id}.

use crate::harness::{House, new_user};

#[tokio::test]
async fn a_deleted_user_leaves_nothing_behind() {
    let house = House::new().await;
    let path = format!("/users/{}", house.create("ada").await);
    assert!(house.anyone().delete(&path).await.expect(204).body.is_empty());
    assert_eq!(house.keys().await, Vec::<String>::new());
    house.anyone().get(&path).await.problem(404, "not-found");
    house.anyone().delete(&path).await.problem(404, "not-found");
    house.anyone().post("/users", &new_user("ada")).await.expect(201);
}
