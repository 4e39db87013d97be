namespace OrleansMq;

/// <summary>A message for which there was no room yet.</summary>
internal sealed class WaitingMessage(Message message, PendingMessage pending, int contentBytes, int size)
{
    private CancellationTokenRegistration _registration;

    public Message Message => message;
    public PendingMessage Pending => pending;
    public int ContentBytes => contentBytes;
    public int Size => size;
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

            pending.Completion?.TrySetCanceled(cancel);
            Admitted.TrySetCanceled(cancel);
        }, null);
        _ = Admitted.Task.ContinueWith(_ => _registration.Dispose(), TaskScheduler.Default);
    }

    public void Refuse(MqException why, Action<Message, MqException>? onRefused)
    {
        pending.Refused(why, onRefused);
        // Enqueue hears it from OnRefused like every other refusal.
        Admitted.TrySetResult();
    }
}
