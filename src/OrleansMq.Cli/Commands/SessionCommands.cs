using System.CommandLine;
using System.Text;
using System.Text.Unicode;
using OrleansMq.Cli.Input;
using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

/// <summary><c>mq session</c>: what a group by key keeps of a key.</summary>
internal static class SessionCommands
{
    public static Command Build(Shell shell) => new("session", "States that groups by key keep of keys.")
    {
        Of(shell, "show", "The state of a key.", set: null),
        Of(shell, "clear", "Clear the state of a key. Messages that are being handled with it now come again without it.", set: default(ReadOnlyMemory<byte>)),
    };

    private static Command Of(Shell shell, string name, string description, ReadOnlyMemory<byte>? set)
    {
        var (topic, group) = (Common.Topic(), Common.GroupArgument());
        var key = new Argument<string>("KEY") { Description = "The key, as text." };
        return shell.Handle(new Command(name, description) { topic, group, key }, async run =>
        {
            var session = await run.Broker.Session(run.Get(topic), run.Get(group), new SessionRequest(Encoding.UTF8.GetBytes(run.Get(key)!)) { Set = set }, run.Cancel);
            run.Out.Result(Line(run.Get(key)!, session), json => SessionJson.Write(json, session));
            return ExitCode.Done;
        });
    }

    private static string Line(string key, SessionState session) => session.State.IsEmpty
        ? $"{key}: no state"
        : $"{key}: version {session.Version}, {session.State.Length} bytes: {(Utf8.IsValid(session.State.Span) ? Encoding.UTF8.GetString(session.State.Span) : Convert.ToBase64String(session.State.Span))}";
}
