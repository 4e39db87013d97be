namespace OrleansMq;

/// <summary>A message that the broker will never take as it is. It stays with its producer.</summary>
/// <param name="Id">Its place in the outbox, the ledger or the spool.</param>
/// <param name="Reason">The broker's code and words.</param>
public sealed record RefusedMessage(long Id, TopicName Topic, Message Message, string Reason);
