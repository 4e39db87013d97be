using System.Collections.Immutable;
using System.Text.Json.Serialization;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Routing;

/// <summary>An exchange as it is stored, with its bindings. Immutable: a change is a new document, to be written over the version it was made from.</summary>
public sealed record ExchangeDocument
{
    public required ExchangeName Name { get; init; }
    public required ExchangeKind Kind { get; init; }
    public ExchangeName? Alternate { get; init; }
    public ImmutableArray<Binding> Bindings { get; init; } = [];

    /// <exception cref="MqException"><see cref="ErrorCodes.Conflict"/>: another kind, or itself as alternate.</exception>
    public static ExchangeDocument Make(ExchangeName name, ExchangeDocument? current, ExchangeChange change)
    {
        var kind = change.Kind ?? current?.Kind ?? ExchangeKind.Direct;
        if (kind is < ExchangeKind.Direct or > ExchangeKind.Headers)
            throw new MqException(ErrorCodes.Malformed, $"kind is one of {Json.Words.ExchangeKind}.");
        if (current is not null && current.Kind != kind)
            throw new MqException(ErrorCodes.Conflict, $"An exchange's kind can't change: '{name}' is {RoutingRules.Text(current.Kind)}, {RoutingRules.Text(kind)} was given.");
        var alternate = change.Alternate.Over(current?.Alternate, null);
        if (alternate == name)
            throw new MqException(ErrorCodes.Conflict, $"'{name}' can't be its own alternate.");
        return (current ?? new ExchangeDocument { Name = name, Kind = kind }) with { Alternate = alternate };
    }

    /// <returns>This one where the binding is there already.</returns>
    /// <exception cref="MqException">The binding is malformed, or one too many.</exception>
    public ExchangeDocument With(Binding binding)
    {
        RoutingRules.Check(Kind, binding);
        if (Bindings.Contains(binding))
            return this;
        return Bindings.Length < RoutingRules.MaxBindings ? this with { Bindings = Bindings.Add(binding) } : throw new MqException(
            ErrorCodes.Conflict, $"'{Name}' has {Bindings.Length} bindings, and {RoutingRules.MaxBindings} are the limit.");
    }

    /// <returns>This one where there is no such binding.</returns>
    public ExchangeDocument Without(Binding binding) => Bindings.Contains(binding) ? this with { Bindings = Bindings.Remove(binding) } : this;

    /// <summary>Whether a message can go from here to there at the next step.</summary>
    public bool LeadsTo(ExchangeName other) => Alternate == other || Bindings.Any(binding => binding.Exchange == other);

    public ExchangeDescription Describe(bool created = false) => new() { Name = Name, Kind = Kind, Alternate = Alternate, Bindings = Bindings, Created = created };

    public byte[] ToJson() => JsonDocuments.Write(
        new ExchangeForm
        {
            Version = 1,
            Name = Name.Text,
            Kind = Kind,
            Alternate = Alternate?.Text,
            Bindings = [.. Bindings.Select(binding => new BindingForm
            {
                Topic = binding.Topic?.Text,
                Exchange = binding.Exchange?.Text,
                Key = binding.Key,
                Headers = binding.Headers.Count == 0 ? null : binding.Headers.Where(header => header.Value is not null).ToDictionary(header => header.Key, header => header.Value!),
                Present = binding.Headers.Count == 0 ? null : [.. binding.Headers.Where(header => header.Value is null).Select(header => header.Key)],
                AnyHeader = binding.AnyHeader,
            })],
        },
        CatalogJson.Default.ExchangeForm);

    /// <exception cref="StateFormatException">The bytes are not such a document.</exception>
    public static ExchangeDocument FromJson(ReadOnlySpan<byte> json)
    {
        var form = JsonDocuments.Read(json, CatalogJson.Default.ExchangeForm, "exchange document", f => f.Version);
        return JsonDocuments.Checked("exchange document", () => new ExchangeDocument
        {
            Name = new ExchangeName(form.Name),
            Kind = form.Kind,
            Alternate = NameOf(form.Alternate, text => new ExchangeName(text)),
            Bindings = [.. (form.Bindings ?? []).Select(Read)],
        });
    }

    private static Binding Read(BindingForm form)
    {
        var headers = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (name, value) in form.Headers ?? [])
            headers[name] = value;
        foreach (var name in form.Present ?? [])
            headers[name] = null;
        return new Binding
        {
            Topic = NameOf(form.Topic, text => new TopicName(text)),
            Exchange = NameOf(form.Exchange, text => new ExchangeName(text)),
            Key = form.Key,
            Headers = headers,
            AnyHeader = form.AnyHeader,
        };
    }

    private static T? NameOf<T>(string? text, Func<string, T> name) where T : struct => text is null ? null : name(text);
}

/// <summary>As stored.</summary>
internal sealed class ExchangeForm
{
    [JsonRequired]
    public int Version { get; set; }

    [JsonRequired]
    public string Name { get; set; } = "";

    [JsonRequired]
    public ExchangeKind Kind { get; set; }

    public string? Alternate { get; set; }
    public BindingForm[]? Bindings { get; set; }
}

/// <summary>As stored.</summary>
internal sealed class BindingForm
{
    public string? Topic { get; set; }
    public string? Exchange { get; set; }
    public string Key { get; set; } = "";

    /// <summary>Headers that must have a value.</summary>
    public Dictionary<string, string>? Headers { get; set; }

    /// <summary>Headers that must be there.</summary>
    public string[]? Present { get; set; }

    public bool AnyHeader { get; set; }
}
