namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.ExchangeNameSurrogate")]
internal readonly record struct ExchangeNameSurrogate(string? Text);

[RegisterConverter]
internal sealed class ExchangeNameConverter : IConverter<ExchangeName, ExchangeNameSurrogate>
{
    public ExchangeName ConvertFromSurrogate(in ExchangeNameSurrogate surrogate) => string.IsNullOrEmpty(surrogate.Text) ? default : new ExchangeName(surrogate.Text);

    public ExchangeNameSurrogate ConvertToSurrogate(in ExchangeName value) => new(value.ToString());
}

[GenerateSerializer, Alias("OrleansMq.ExchangeChangeSurrogate")]
internal readonly record struct ExchangeChangeSurrogate(ExchangeKind? Kind, Change<ExchangeName?> Alternate);

[RegisterConverter]
internal sealed class ExchangeChangeConverter : IConverter<ExchangeChange, ExchangeChangeSurrogate>
{
    public ExchangeChange ConvertFromSurrogate(in ExchangeChangeSurrogate surrogate) => new() { Kind = surrogate.Kind, Alternate = surrogate.Alternate };

    public ExchangeChangeSurrogate ConvertToSurrogate(in ExchangeChange value) => new(value.Kind, value.Alternate);
}

[GenerateSerializer, Alias("OrleansMq.BindingSurrogate")]
internal readonly record struct BindingSurrogate(TopicName? Topic, ExchangeName? Exchange, string Key, KeyValuePair<string, string?>[] Headers, bool AnyHeader);

[RegisterConverter]
internal sealed class BindingConverter : IConverter<Binding, BindingSurrogate>
{
    public Binding ConvertFromSurrogate(in BindingSurrogate surrogate) => new()
    {
        Topic = surrogate.Topic,
        Exchange = surrogate.Exchange,
        Key = surrogate.Key,
        Headers = surrogate.Headers.ToDictionary(StringComparer.Ordinal),
        AnyHeader = surrogate.AnyHeader,
    };

    public BindingSurrogate ConvertToSurrogate(in Binding value) => new(value.Topic, value.Exchange, value.Key, [.. value.Headers], value.AnyHeader);
}

[GenerateSerializer, Alias("OrleansMq.ExchangeDescriptionSurrogate")]
internal readonly record struct ExchangeDescriptionSurrogate(ExchangeName Name, ExchangeKind Kind, ExchangeName? Alternate, Binding[] Bindings, bool Created);

[RegisterConverter]
internal sealed class ExchangeDescriptionConverter : IConverter<ExchangeDescription, ExchangeDescriptionSurrogate>
{
    public ExchangeDescription ConvertFromSurrogate(in ExchangeDescriptionSurrogate surrogate) =>
        new() { Name = surrogate.Name, Kind = surrogate.Kind, Alternate = surrogate.Alternate, Bindings = surrogate.Bindings, Created = surrogate.Created };

    public ExchangeDescriptionSurrogate ConvertToSurrogate(in ExchangeDescription value) => new(value.Name, value.Kind, value.Alternate, [.. value.Bindings], value.Created);
}

[GenerateSerializer, Alias("OrleansMq.RoutingFactsSurrogate")]
internal readonly record struct RoutingFactsSurrogate(string Key, KeyValuePair<string, string>[] Headers);

[RegisterConverter]
internal sealed class RoutingFactsConverter : IConverter<RoutingFacts, RoutingFactsSurrogate>
{
    public RoutingFacts ConvertFromSurrogate(in RoutingFactsSurrogate surrogate) => new(surrogate.Key, surrogate.Headers);

    public RoutingFactsSurrogate ConvertToSurrogate(in RoutingFacts value) => new(value.Key, [.. value.Headers]);
}
