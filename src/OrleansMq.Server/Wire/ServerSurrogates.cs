using OrleansMq.Core.Catalog;
using OrleansMq.Core.Dedup;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Server.Wire;

// What silos of one cluster say to each other. Fields are numbered in the order given and only ever added at the end.

[GenerateSerializer, Alias("OrleansMq.GroupDefinitionSurrogate")]
internal readonly record struct GroupDefinitionSurrogate(GroupName Name, Guid Id, bool Declared, GroupSettings Settings);

[RegisterConverter]
internal sealed class GroupDefinitionConverter : IConverter<GroupDefinition, GroupDefinitionSurrogate>
{
    public GroupDefinition ConvertFromSurrogate(in GroupDefinitionSurrogate surrogate) => new(surrogate.Name, surrogate.Id, surrogate.Declared, surrogate.Settings);

    public GroupDefinitionSurrogate ConvertToSurrogate(in GroupDefinition value) => new(value.Name, value.Id, value.Declared, value.Settings);
}

[GenerateSerializer, Alias("OrleansMq.PartitionHoldingSurrogate")]
internal readonly record struct PartitionHoldingSurrogate(long Stored, double MeanBytes, KeyValuePair<string, long>[] Lags);

[RegisterConverter]
internal sealed class PartitionHoldingConverter : IConverter<PartitionHolding, PartitionHoldingSurrogate>
{
    public PartitionHolding ConvertFromSurrogate(in PartitionHoldingSurrogate surrogate) =>
        new(surrogate.Stored, surrogate.MeanBytes, surrogate.Lags.ToDictionary(StringComparer.Ordinal));

    public PartitionHoldingSurrogate ConvertToSurrogate(in PartitionHolding value) => new(value.Stored, value.MeanBytes, [.. value.Lags]);
}

[GenerateSerializer, Alias("OrleansMq.AdmissionQuestionSurrogate")]
internal readonly record struct AdmissionQuestionSurrogate(int Messages, int Bytes, string Client, long NowMs);

[RegisterConverter]
internal sealed class AdmissionQuestionConverter : IConverter<AdmissionQuestion, AdmissionQuestionSurrogate>
{
    public AdmissionQuestion ConvertFromSurrogate(in AdmissionQuestionSurrogate surrogate) => new(surrogate.Messages, surrogate.Bytes, surrogate.Client, surrogate.NowMs);

    public AdmissionQuestionSurrogate ConvertToSurrogate(in AdmissionQuestion value) => new(value.Messages, value.Bytes, value.Client, value.NowMs);
}

[GenerateSerializer, Alias("OrleansMq.AdmissionVerdictSurrogate")]
internal readonly record struct AdmissionVerdictSurrogate(AdmissionAnswer Answer, MqError? Error, long Drop);

[RegisterConverter]
internal sealed class AdmissionVerdictConverter : IConverter<AdmissionVerdict, AdmissionVerdictSurrogate>
{
    public AdmissionVerdict ConvertFromSurrogate(in AdmissionVerdictSurrogate surrogate) => new(surrogate.Answer, surrogate.Error, surrogate.Drop);

    public AdmissionVerdictSurrogate ConvertToSurrogate(in AdmissionVerdict value) => new(value.Answer, value.Error, value.Drop);
}

[GenerateSerializer, Alias("OrleansMq.AdmissionGrantSurrogate")]
internal readonly record struct AdmissionGrantSurrogate(long Granted, long AsOf);

[RegisterConverter]
internal sealed class AdmissionGrantConverter : IConverter<AdmissionGrant, AdmissionGrantSurrogate>
{
    public AdmissionGrant ConvertFromSurrogate(in AdmissionGrantSurrogate surrogate) => new(surrogate.Granted, surrogate.AsOf);

    public AdmissionGrantSurrogate ConvertToSurrogate(in AdmissionGrant value) => new(value.Granted, value.AsOf);
}

[GenerateSerializer, Alias("OrleansMq.PartitionLineageSurrogate")]
internal readonly record struct PartitionLineageSurrogate(int[] Earlier, long[] UntilMs, int Count);

[RegisterConverter]
internal sealed class PartitionLineageConverter : IConverter<PartitionLineage, PartitionLineageSurrogate>
{
    public PartitionLineage ConvertFromSurrogate(in PartitionLineageSurrogate surrogate)
    {
        var untilMs = surrogate.UntilMs;
        return new PartitionLineage([.. surrogate.Earlier.Select((count, i) => new EarlierCount(count, untilMs[i]))], surrogate.Count);
    }

    public PartitionLineageSurrogate ConvertToSurrogate(in PartitionLineage value) =>
        new([.. value.Earlier.Select(count => count.Partitions)], [.. value.Earlier.Select(count => count.UntilMs)], value.Count);
}

[GenerateSerializer, Alias("OrleansMq.TokenHashSurrogate")]
internal readonly record struct TokenHashSurrogate(ulong First, ulong Second);

[RegisterConverter]
internal sealed class TokenHashConverter : IConverter<TokenHash, TokenHashSurrogate>
{
    public TokenHash ConvertFromSurrogate(in TokenHashSurrogate surrogate) => new(surrogate.First, surrogate.Second);

    public TokenHashSurrogate ConvertToSurrogate(in TokenHash value) => new(value.First, value.Second);
}
