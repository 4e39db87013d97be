namespace OrleansMq.Gateways.Http.Tests;

/// <summary>A good body for each call that takes JSON.</summary>
internal static class Bodies
{
    private const string Group = "/v1/topics/t/groups/g";

    public static readonly IReadOnlyList<(string Method, string Path, string Good)> All =
    [
        ("PUT", "/v1/topics/t", """{"partitions":8,"acks":null,"tokens":{"count":1,"ageMs":null}}"""),
        ("POST", "/v1/topics/t/partitions", """{"partitions":8,"breakKeyOrder":true}"""),
        ("POST", "/v1/topics/t/messages", """{"key":"LAX","body":{"delay":7},"headers":{"a":"b"},"token":"t-1"}"""),
        ("PUT", Group, """{"style":"queue","backoffMs":[1,2],"from":"latest"}"""),
        ("POST", "/v1/topics/t/groups", """{"deleteAfterIdleMs":60000,"from":"earliest"}"""),
        ("POST", Group + "/receive", """{"max":10,"waitMs":0,"leaseMs":1000,"consumer":"c","requestId":"r","groupId":"01234567-89ab-cdef-0123-456789abcdef"}"""),
        ("POST", Group + "/ack", """{"leases":["0.0.1.42.1"],"upTo":[{"partition":0,"offset":3}]}"""),
        ("POST", Group + "/nack", """{"leases":["0.0.1.42.1"],"delayMs":5}"""),
        ("POST", Group + "/extend", """{"leases":["0.0.1.42.1"],"leaseMs":5}"""),
        ("POST", Group + "/deadletter", """{"leases":["0.0.1.42.1"],"reason":"bad"}"""),
        ("POST", Group + "/defer", """{"leases":["0.0.1.42.1"]}"""),
        ("POST", Group + "/join", """{"member":"m","sessionTimeoutMs":1000}"""),
        ("POST", Group + "/heartbeat", """{"member":"m","generation":1}"""),
        ("POST", Group + "/leave", """{"member":"m"}"""),
        ("POST", Group + "/commit", """{"positions":[{"partition":0,"offset":3}],"member":"m","generation":1}"""),
        ("POST", Group + "/seek", """{"to":"2001-01-31T23:59:59Z"}"""),
        ("POST", Group + "/redeliver", """{"causes":["dead"],"olderThanMs":5,"positions":[{"partition":0,"offset":3}]}"""),
        ("POST", Group + "/session", """{"key":"k","state":"AQI=","version":3}"""),
        ("POST", Group + "/dlq/redrive", """{"positions":[{"partition":0,"offset":3}],"replace":{"body":1}}"""),
        ("POST", Group + "/dlq/discard", """{"all":true}"""),
        ("PUT", Group + "/webhook", """{"url":"https://hooks.example.com/x","secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],"timeoutMs":5000,"maxInFlight":null}"""),
        ("POST", "/v1/producers", """{"name":"p"}"""),
        ("POST", "/v1/transactions/p/open", """{"timeoutMs":1000,"known":{"id":7,"epoch":1}}"""),
        ("POST", "/v1/transactions/p/partitions", """{"producer":{"id":7,"epoch":1},"partitions":[{"topic":"t","partition":0}]}"""),
        ("POST", "/v1/transactions/p/offsets", """{"producer":{"id":7,"epoch":1},"group":"g","offsets":[{"topic":"t","partition":0,"offset":3,"note":"n"}],"member":"m","generation":1,"instance":"i"}"""),
        ("POST", "/v1/transactions/p/commit", """{"producer":{"id":7,"epoch":1},"newEpoch":true}"""),
        ("POST", "/v1/transactions/p/abort", """{"producer":{"id":7,"epoch":1}}"""),
        ("POST", "/v1/read", """{"partitions":[{"topic":"t","partition":0,"offset":0,"maxBytes":100}],"minBytes":0,"waitMs":0,"filter":{"type":"order"},"group":"g"}"""),
    ];
}
