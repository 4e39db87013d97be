using System.Runtime.InteropServices;

namespace OrleansMq.Cli;

/// <summary>
/// Standard output that says when its reader has gone. .NET's own console stream swallows a broken pipe, so that <c>mq consume --follow | head</c>
/// would go on and acknowledge what nobody sees.
/// </summary>
internal sealed partial class StandardOutput : Stream
{
    private const int FileDescriptor = 1;
    private const int Interrupted = 4; // EINTR, on Linux and macOS
    private const int TryAgain = 11; // EAGAIN on Linux: the other end made the pipe non-blocking

    private StandardOutput()
    {
    }

    public static Stream Open() => OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : new StandardOutput();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var written = WriteTo(FileDescriptor, buffer, (nuint)buffer.Length);
            if (written >= 0)
                buffer = buffer[(int)written..];
            else if (Marshal.GetLastPInvokeError() is var error and not Interrupted)
            {
                if (error != TryAgain)
                    throw new IOException($"Standard output: {Marshal.GetPInvokeErrorMessage(error)}.");
                Thread.Sleep(1);
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    // write(2): unlike FileStream's pwrite it moves the shared offset, so that two programs may write to one file in turn.
    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteTo(int descriptor, ReadOnlySpan<byte> buffer, nuint count);
}
