namespace OrleansMq.Silo;

internal static class Help
{
    public const string Text = """
        orleansmq: the message broker

          --data DIR                    ./data      where the log and documents live
          --host embedded|orleans       embedded    one process, or a silo
          --storage files|shared|blobs  files       this machine's disk, a folder that all silos of the cluster use, or append blobs
          --blobs CONNECTION                        a storage account's connection string, for --storage blobs
          --cluster NAME                orleansmq   silos of one name on one storage are a cluster; Orleans' own, as the next four
          --silo-port PORT              11111
          --gateway-port PORT           30000       for Orleans clients
          --silo-address ADDRESS        127.0.0.1   address of both; one that others can reach needs --orleans-tls-..., or --insecure
          --orleans-tls-certificate FILE            PEM, with --orleans-tls-key FILE and --orleans-tls-roots FILE: both ports ask silos and
                                                    Orleans clients for a certificate of these roots; read again when they change
          --membership tuned|defaults   tuned       how fast a dead silo is found: about a second, or Orleans' defaults
          --listen ADDRESS              127.0.0.1   address of every gateway; one that others can reach needs --access on and TLS, or --insecure
          --insecure                                allow that without authentication or TLS
          --access on|off               off         ask whoever comes who they are, and allow what rules allow: docs/security.md
          --admin-password-file FILE                makes the user admin; or ORLEANSMQ_ADMIN_PASSWORD in the environment
          --users FILE                              users, rules and quotas from a file instead of the broker's documents
          --tls-certificate FILE                    PEM, with --tls-key FILE; read again when they change
          --tls-client-roots FILE                   ask clients for a certificate of these roots
          --tls-client-certificate required|optional
          --jwt-issuer URL                          take bearer tokens of this OpenID provider, with --jwt-audience NAME
          --http PORT|off               8080        0 picks a free port
          --kafka PORT|off              9092        0 picks a free port
          --kafka-advertise HOST:PORT               where Kafka's clients and the other nodes find this one; else where it listens
          --kafka-partitions N          1           of a topic that Kafka's clients make by use, or without saying how many
          --kafka-consumer-session MS   45000       members of Kafka's consumer protocol that are silent for so long are out
          --kafka-consumer-heartbeat MS 5000        how often they say that they are there
          --amqp --redis --mqtt --stomp             off until they are built
          --webhooks FILE                           groups whose messages are pushed by POST: docs/webhooks.md
          --webhooks-api                            administrators may register more by HTTP and mq webhook; of no effect on FILE's
          --journal on|off              off         one flush for small changes of many partitions; docs/operations.md#the-journal
          --acks durable|accepted       durable     what an acknowledgement means where neither client nor topic says

        The same names stand in appsettings.json and, as ORLEANSMQ_HTTP and so on, in the environment; the command line wins.
        Exit codes: 0 stopped as asked; 1 could not start or go on (the line says why); 2 a wrong switch or setting.
        """;
}
