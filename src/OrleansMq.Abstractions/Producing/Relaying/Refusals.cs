namespace OrleansMq;

/// <summary>Which refusals speak of the message and not of the world: another attempt would end the same.</summary>
internal static class Refusals
{
    /// <remarks>
    /// A topic that is missing or a right that is lacking is the world's: somebody is about to make it good, and putting thousands of messages aside until then would cost their order.
    /// </remarks>
    public static bool IsOfTheMessage(string code) => code is ErrorCodes.Malformed or ErrorCodes.NotAvailable or ErrorCodes.MessageTooLarge or ErrorCodes.BatchTooLarge
        or ErrorCodes.BatchCorrupt or ErrorCodes.KeyMissing or ErrorCodes.PartitionUnknown or ErrorCodes.AdmissionClosed;
}
