namespace OrleansMq.Cli;

/// <summary>What <c>mq</c> answers the shell. Documented in <c>docs/cli.md</c> and under <c>--help</c>; numbers never change meaning.</summary>
public static class ExitCode
{
    public const int Done = 0;

    /// <summary>The broker refused; its code stands in the message: <c>mq: topic-unknown: …</c>.</summary>
    public const int Refused = 1;

    /// <summary>The command line or its input is wrong; nothing was sent because of it.</summary>
    public const int Usage = 2;

    /// <summary>No broker answered at the server's address.</summary>
    public const int Unreachable = 3;

    /// <summary>Messages went missing or out of order in <c>bench</c>.</summary>
    public const int PromiseBroken = 4;

    /// <summary>Ctrl-C (128 + SIGINT, as shells count).</summary>
    public const int Interrupted = 130;

    /// <summary>What <c>doctor</c> answers where the folder holds damage; after <c>--repair</c>: where some is left.</summary>
    public const int DamageFound = 1;

    internal const string Help =
        "Exit codes: 0 done; 1 the broker refused (its code is printed), or doctor found damage; 2 wrong usage; " +
        "3 the server is unreachable; 4 a promise was broken (bench); 130 interrupted.";
}
