using System.CommandLine;
using OrleansMq.Json;

namespace OrleansMq.Cli.Input;

/// <summary>Arguments and options that several commands have, each defined once.</summary>
internal static class Common
{
    public static Argument<TopicName> Topic() => Name("TOPIC", "The topic.", text => new TopicName(text));

    public static Argument<TopicPattern> Topics() => Name("TOPIC", "The topic; or with *, for any number of characters, all that match.", text => new TopicPattern(text));

    public static Argument<GroupName> GroupArgument() => Name("GROUP", "The consumer group.", text => new GroupName(text));

    public static Argument<ExchangeName> Exchange() => Name("EXCHANGE", "The exchange.", text => new ExchangeName(text));

    public static Option<GroupName> Group()
    {
        var option = Options.Of("--group", "The consumer group.", "GROUP", text => new GroupName(text));
        option.Required = true;
        return option;
    }

    public static Option<Acks?> Acks() =>
        Options.Of<Acks?>("--acks", "What an acknowledgement means: none, accepted, durable. Left out: what the topic or the broker says.", "LEVEL", text => Text.Word(Words.Acks)(text));

    public static Option<long?> Max(string description) =>
        Options.Of<long?>("--max", description, "N", text => Text.Count(text) is > 0 and var max ? max : throw new FormatException("at least 1"));

    public static Option<IReadOnlyList<Position>?> Positions(string description, string name = "--positions") =>
        Options.Of<IReadOnlyList<Position>?>(name, description, "P:O,…", Text.Positions);

    public static Option<string?> KeySeparator(string description) =>
        Options.Of<string?>("--key-separator", description + @" \t is a tab.", "TEXT", text => text.Length > 0 ? text.Replace(@"\t", "\t", StringComparison.Ordinal) : throw new FormatException("it must not be empty"));

    /// <summary><c>name=text</c>; read with <see cref="Text.Header"/>.</summary>
    public static Option<string[]> Headers(string description)
    {
        var headers = new Option<string[]>("--header") { Description = description, HelpName = "NAME=TEXT" };
        headers.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
                if (token.Value.IndexOf('=', StringComparison.Ordinal) <= 0)
                    result.AddError($"--header: '{token.Value}' is not name=text.");
        });
        return headers;
    }

    private static Argument<T> Name<T>(string name, string description, Func<string, T> parse) => new(name)
    {
        Description = description,
        CustomParser = result =>
        {
            try
            {
                return parse(result.Tokens[0].Value);
            }
            catch (MqException e)
            {
                result.AddError(e.Message);
                return default;
            }
        },
    };
}
