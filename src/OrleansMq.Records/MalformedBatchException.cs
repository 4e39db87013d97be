namespace OrleansMq.Records;

/// <summary>The bytes are not a record batch. <see cref="Fault"/> says in what way.</summary>
public sealed class MalformedBatchException : FormatException
{
    public MalformedBatchException(BatchFault fault, string message, Exception? inner = null) : base(message, inner) => Fault = fault;

    public MalformedBatchException() : this(BatchFault.Records, "The record batch is malformed.")
    {
    }

    public MalformedBatchException(string message) : this(BatchFault.Records, message)
    {
    }

    public MalformedBatchException(string message, Exception innerException) : this(BatchFault.Records, message, innerException)
    {
    }

    public BatchFault Fault { get; }
}
