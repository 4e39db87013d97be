namespace OrleansMq;

/// <summary>What there was no room for yet.</summary>
internal sealed class WaitingMessage(Outgoing outgoing)
{
    private CancellationTokenRegistration _registration;

    public Outgoing Outgoing => outgoing;
    public bool IsAdmitted { get; set; }
    public bool IsTakenBack { get; private set; }

    /// <summary>Ends when the message is in a batch.</summary>
    public TaskCompletionSource Admitted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void CancelWith(Lock sync, CancellationToken cancel)
    {
        if (!cancel.CanBeCanceled)
            return;
        _registration = cancel.UnsafeRegister(_ =>
        {
            lock (sync)
            {
                if (IsAdmitted)
                    return;
                IsTakenBack = true;
            }

            outgoing.Cancelled(cancel);
            Admitted.TrySetCanceled(cancel);
        }, null);
        _ = Admitted.Task.ContinueWith(_ => _registration.Dispose(), TaskScheduler.Default);
    }

    public void Refuse(MqException why, Action<Message, MqException>? onRefused)
    {
        outgoing.Refused(why, onRefused);
        // Enqueue hears it from OnRefused like every other refusal.
        Admitted.TrySetResult();
    }
}
