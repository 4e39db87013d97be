namespace OrleansMq.Streaming;

/// <summary>What an offset is of: no other event has that offset in it. The same topic may give one again, in a later opening, where what was never flushed was lost.</summary>
/// <param name="TopicId">Empty where it is not known.</param>
/// <param name="Epoch">Of the opening that stored the event.</param>
internal sealed record StreamLog(Guid TopicId, int Epoch);
