//! What the embedded store removes, and what it leaves alone.

use crate::support::TestServer;

#[tokio::test]
async fn deleting_the_last_object_leaves_the_bucket() {
    let server = TestServer::start().await;
    let s3 = server.s3();
    for key in ["a", "folder/b"] {
        s3.put_object().bucket("uploads").key(key).body(vec![1].into()).send().await.unwrap();
    }
    for key in ["folder/b", "a", "a"] {
        s3.delete_object().bucket("uploads").key(key).send().await.unwrap();
    }
    assert_eq!(server.files(), [""; 0]);
    assert!(!server.dir().join("uploads/folder").exists());
    s3.head_bucket().bucket("uploads").send().await.unwrap();
}
