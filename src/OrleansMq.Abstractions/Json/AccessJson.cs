using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Users and rules. A password goes in and never comes out.</summary>
public static class AccessJson
{
    private const int MaxPasswordChars = 1024;
    private const int MaxTeams = 100;

    public static WordList<AccessOperations> Operations { get; } = new(
        ("produce", AccessOperations.Produce), ("consume", AccessOperations.Consume), ("browse", AccessOperations.Browse), ("describe", AccessOperations.Describe),
        ("create", AccessOperations.Create), ("alter", AccessOperations.Alter), ("delete", AccessOperations.Delete), ("redrive", AccessOperations.Redrive), ("admin", AccessOperations.Admin));

    public static WordList<ResourceKind> Kinds { get; } = new(
        ("topic", ResourceKind.Topic), ("group", ResourceKind.Group), ("producer", ResourceKind.Producer), ("exchange", ResourceKind.Exchange), ("cluster", ResourceKind.Cluster));

    public static WordList<ResourceMatch> Matches { get; } = new(("literal", ResourceMatch.Literal), ("prefix", ResourceMatch.Prefix), ("pattern", ResourceMatch.Pattern));

    public static WordList<SubjectKind> Subjects { get; } = new(("user", SubjectKind.User), ("team", SubjectKind.Team));

    public static WordList<QuotaKind> QuotaKinds { get; } =
        new(("requests-per-second", QuotaKind.RequestsPerSecond), ("bytes-per-second", QuotaKind.BytesPerSecond), ("connections", QuotaKind.Connections),
            ("topics", QuotaKind.Topics), ("partitions", QuotaKind.Partitions), ("groups", QuotaKind.Groups),
            ("storage", QuotaKind.Storage), ("delayed", QuotaKind.Delayed), ("tokens", QuotaKind.Tokens), ("in-flight-bytes", QuotaKind.InFlightBytes));

    public static WordList<QuotaScope> QuotaScopes { get; } = new(("user", QuotaScope.User), ("address", QuotaScope.Address), ("tenant", QuotaScope.Tenant));

    /// <summary><c>{"user":"anna","quota":"requests-per-second","limit":100}</c>; a limit of null takes it away.</summary>
    public static (QuotaScope Scope, string Who, QuotaKind Kind, long? Limit) ReadQuotaChange(JsonSpot spot)
    {
        (QuotaScope? scope, string who, QuotaKind? kind, long? limit) = (null, "", null, null);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "user" or "address" or "tenant" when scope is not null: throw field.Malformed("stands beside another subject");
                case "user" or "address" or "tenant":
                    (scope, who) = (QuotaScopes.TryRead(field.Name, out var named) ? named : default, field.Text(AccessRule.MaxNameChars));
                    break;
                case "quota": kind = field.Word(QuotaKinds); break;
                case "limit": limit = field.OrNull(f => f.Int64(1)); break;
                default: field.Unknown(); break;
            }
        }
        return (scope ?? throw spot.Malformed("lacks 'user', 'address' or 'tenant'"), who, kind ?? throw spot.Missing("quota"), limit);
    }

    public static void WriteQuotaChange(Utf8JsonWriter writer, QuotaScope scope, string who, QuotaKind kind, long? limit)
    {
        writer.WriteStartObject();
        writer.WriteString(QuotaScopes.Write(scope), who);
        writer.WriteString("quota", QuotaKinds.Write(kind));
        if (limit is { } most)
            writer.WriteNumber("limit", most);
        else
            writer.WriteNull("limit");
        writer.WriteEndObject();
    }

    public static Quota ReadQuota(JsonSpot spot)
    {
        var (scope, who, kind, limit) = ReadQuotaChange(spot);
        return new Quota(scope, who, kind, limit ?? throw spot.Missing("limit"));
    }

    public static void WriteQuota(Utf8JsonWriter writer, Quota quota) => WriteQuotaChange(writer, quota.Scope, quota.Who, quota.Kind, quota.Limit);

    /// <summary>Each operation of a set, in the order of the words.</summary>
    public static IEnumerable<AccessOperations> Each(AccessOperations set) =>
        Enum.GetValues<AccessOperations>().Where(one => one != AccessOperations.None && set.HasFlag(one));

    public static UserChange ReadUserChange(JsonSpot spot)
    {
        var change = new UserChange();
        foreach (var field in spot.Fields())
        {
            change = field.Name switch
            {
                "password" => change with { Password = field.IsNull ? null : field.Text(MaxPasswordChars) },
                "teams" => change with { Teams = field.IsNull ? null : field.Items(MaxTeams, f => f.Text(UserNameRule.MaxLength)) },
                "disabled" => change with { Disabled = field.OrNull(f => f.Flag()) },
                "tenant" => change with { Tenant = field.IsNull ? null : field.Text() },
                _ => field.Unknown(change),
            };
        }
        return change;
    }

    public static void WriteUserChange(Utf8JsonWriter writer, UserChange change)
    {
        writer.WriteStartObject();
        writer.WriteTextUnlessNull("password", change.Password);
        if (change.Teams is { } teams)
            writer.WriteList("teams", teams, (w, team) => w.WriteStringValue(team));
        if (change.Disabled is { } disabled)
            writer.WriteBoolean("disabled", disabled);
        writer.WriteTextUnlessNull("tenant", change.Tenant);
        writer.WriteEndObject();
    }

    public static void WriteUser(Utf8JsonWriter writer, UserDescription user)
    {
        writer.WriteStartObject();
        writer.WriteString("name", user.Name);
        writer.WriteList("teams", user.Teams, (w, team) => w.WriteStringValue(team));
        writer.WriteBoolean("disabled", user.Disabled);
        writer.WriteTextUnlessNull("tenant", user.Tenant);
        writer.WriteEndObject();
    }

    public static UserDescription ReadUser(JsonSpot spot)
    {
        var user = new UserDescription("", [], false);
        foreach (var field in spot.Fields())
        {
            user = field.Name switch
            {
                "name" => user with { Name = field.Text() },
                "teams" => user with { Teams = field.Items(int.MaxValue, f => f.Text()) },
                "disabled" => user with { Disabled = field.Flag() },
                "tenant" => user with { Tenant = field.Text() },
                _ => field.Unknown(user),
            };
        }
        return user;
    }

    public static AccessRule ReadRule(JsonSpot spot)
    {
        string? who = null, name = null;
        (SubjectKind? subject, ResourceKind? kind, ResourceMatch match, AccessOperations allow, long id) = (null, null, ResourceMatch.Literal, AccessOperations.None, 0);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "user" or "team" when who is not null: throw field.Malformed("stands beside another subject");
                case "user" or "team": (subject, who) = (field.Name == "user" ? SubjectKind.User : SubjectKind.Team, field.Text(AccessRule.MaxNameChars)); break;
                case "allow": allow = field.Items(16, f => f.Word(Operations)).Aggregate(AccessOperations.None, (all, one) => all | one); break;
                case "kind": kind = field.Word(Kinds); break;
                case "match": match = field.Word(Matches); break;
                case "name": name = field.Text(AccessRule.MaxNameChars); break;
                case "id": id = field.Int64(0); break;
                default: field.Unknown(); break;
            }
        }
        if (allow == AccessOperations.None)
            throw spot.Missing("allow");
        var on = kind ?? throw spot.Missing("kind");
        return new AccessRule(
            subject ?? throw spot.Malformed("lacks 'user' or 'team'"), who!, allow, on, match,
            name ?? (on == ResourceKind.Cluster ? "" : throw spot.Missing("name")), id);
    }

    public static void WriteRule(Utf8JsonWriter writer, AccessRule rule)
    {
        writer.WriteStartObject();
        writer.WriteNumber("id", rule.Id);
        writer.WriteString(Subjects.Write(rule.Subject), rule.Who);
        writer.WriteList("allow", [.. Each(rule.Allow)], (w, one) => w.WriteStringValue(Operations.Write(one)));
        writer.WriteString("kind", Kinds.Write(rule.Kind));
        writer.WriteString("match", Matches.Write(rule.Match));
        writer.WriteString("name", rule.Name);
        writer.WriteEndObject();
    }

    /// <summary>For example <c>{"users":[…]}</c>.</summary>
    public static void WriteAll<T>(Utf8JsonWriter writer, string list, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        writer.WriteStartObject();
        writer.WriteList(list, items, write);
        writer.WriteEndObject();
    }

    public static IReadOnlyList<T> ReadAll<T>(JsonSpot spot, string list, Func<JsonSpot, T> read)
    {
        IReadOnlyList<T>? items = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == list)
                items = field.Items(int.MaxValue, read);
            else
                field.Unknown();
        }
        return items ?? throw spot.Missing(list);
    }
}
