using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using OrleansMq.Json;

namespace OrleansMq.Access;

/// <summary>
/// The state as it is stored, in the broker's documents or in a file: JSON, strictly read, so that what an older program does not know stops it.
/// <code>
/// {"version":1,"seed":"…","nextRule":3,
///  "users":[{"name":"anna","teams":["ops"],"disabled":false,"secrets":[{"mechanism":"SCRAM-SHA-256","salt":"…","iterations":16384,"storedKey":"…","serverKey":"…"},…]}],
///  "rules":[{"id":1,"user":"anna","allow":["admin"],"kind":"cluster","match":"literal","name":""},…]}
/// </code>
/// </summary>
public static class AccessDocument
{
    private const int Version = 1;

    private static readonly WordList<ScramMechanism> Mechanisms = new(("SCRAM-SHA-256", ScramMechanism.Sha256), ("SCRAM-SHA-512", ScramMechanism.Sha512));

    /// <summary>As SASL calls it.</summary>
    public static string NameOf(ScramMechanism mechanism) => Mechanisms.Write(mechanism);

    public static byte[] Write(AccessState state)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            writer.WriteBase64String("seed", state.Seed);
            writer.WriteNumber("nextRule", state.NextRule);
            WriteList(writer, "users", state.Users.Values, WriteUser);
            WriteList(writer, "rules", state.Rules, AccessJson.WriteRule);
            if (!state.Quotas.IsEmpty)
                WriteList(writer, "quotas", state.Quotas, AccessJson.WriteQuota);
            writer.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: it is no such document; the place is in the text, never a secret.</exception>
    public static AccessState Read(ReadOnlyMemory<byte> json) => JsonForm.ReadRequest(json, ReadState);

    private static AccessState ReadState(JsonSpot spot)
    {
        int? version = null;
        var (state, seed) = (new AccessState(), (byte[]?)null);
        (IReadOnlyList<AccessUser> users, IReadOnlyList<AccessRule> rules, IReadOnlyList<Quota> quotas, long next) = ([], [], [], 1);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "version": version = field.Int32(); break;
                case "seed": seed = field.Base64(); break;
                case "nextRule": next = field.Int64(1); break;
                case "users": users = field.Items(AccessState.MaxUsers, ReadUser); break;
                case "rules": rules = field.Items(AccessState.MaxRules, ReadRule); break;
                case "quotas": quotas = field.Items(AccessState.MaxQuotas, ReadQuota); break;
                default: field.Unknown(); break;
            }
        }
        if (version != Version)
            throw spot.Malformed($"has version {version?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}; this program reads version {Version}");
        if (users.Select(user => user.Name).Distinct(StringComparer.Ordinal).Count() != users.Count)
            throw spot.Malformed("has a user twice");
        if (rules.Select(rule => rule.Id).Distinct().Count() != rules.Count)
            throw spot.Malformed("has a rule's id twice");
        return new AccessState
        {
            Users = users.ToImmutableSortedDictionary(user => user.Name, user => user, StringComparer.Ordinal),
            Rules = [.. rules.OrderBy(rule => rule.Id)],
            NextRule = Math.Max(next, rules.Count == 0 ? 1 : rules.Max(rule => rule.Id) + 1),
            Quotas = [.. quotas],
            Seed = seed ?? state.Seed,
        };
    }

    private static AccessRule ReadRule(JsonSpot spot)
    {
        var rule = AccessJson.ReadRule(spot);
        AccessState.Check(rule);
        return rule;
    }

    private static Quota ReadQuota(JsonSpot spot)
    {
        var quota = AccessJson.ReadQuota(spot);
        AccessState.Check(quota);
        return quota;
    }

    private static void WriteUser(Utf8JsonWriter writer, AccessUser user)
    {
        writer.WriteStartObject();
        writer.WriteString("name", user.Name);
        WriteList(writer, "teams", user.Teams, (w, team) => w.WriteStringValue(team));
        writer.WriteBoolean("disabled", user.Disabled);
        if (user.Tenant is { } tenant)
            writer.WriteString("tenant", tenant);
        WriteList(writer, "secrets", user.Secrets, (w, secret) =>
        {
            w.WriteStartObject();
            w.WriteString("mechanism", NameOf(secret.Mechanism));
            w.WriteBase64String("salt", secret.Salt);
            w.WriteNumber("iterations", secret.Iterations);
            w.WriteBase64String("storedKey", secret.StoredKey);
            w.WriteBase64String("serverKey", secret.ServerKey);
            w.WriteEndObject();
        });
        writer.WriteEndObject();
    }

    private static void WriteList<T>(Utf8JsonWriter writer, string name, IEnumerable<T> items, Action<Utf8JsonWriter, T> write)
    {
        writer.WriteStartArray(name);
        foreach (var item in items)
            write(writer, item);
        writer.WriteEndArray();
    }

    private static AccessUser ReadUser(JsonSpot spot)
    {
        string? name = null, tenant = null;
        var disabled = false;
        (IReadOnlyList<string> teams, IReadOnlyList<ScramSecret> secrets) = ([], []);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "name": name = UserNameRule.Check(field.Text(), "user"); break;
                case "teams": teams = field.Items(100, team => UserNameRule.Check(team.Text(), "team")); break;
                case "disabled": disabled = field.Flag(); break;
                case "tenant": tenant = field.Text() is var text && UserNameRule.IsTenant(text) ? text : throw field.Malformed("is no tenant's name"); break;
                case "secrets": secrets = field.Items(2, ReadSecret); break;
                default: field.Unknown(); break;
            }
        }
        if (secrets.Select(secret => secret.Mechanism).Distinct().Count() != 2)
            throw spot.Malformed("lacks a secret for SCRAM-SHA-256 or SCRAM-SHA-512; 'mq user add' makes both");
        return new AccessUser { Name = name ?? throw spot.Missing("name"), Teams = teams, Disabled = disabled, Tenant = tenant, Secrets = secrets };
    }

    private static ScramSecret ReadSecret(JsonSpot spot)
    {
        ScramMechanism? mechanism = null;
        var iterations = 0;
        byte[] salt = [], storedKey = [], serverKey = [];
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "mechanism": mechanism = field.Word(Mechanisms); break;
                case "salt": salt = field.Base64(); break;
                case "iterations": iterations = field.Int32(ScramSecret.MinIterations, ScramSecret.MaxIterations); break;
                case "storedKey": storedKey = field.Base64(); break;
                case "serverKey": serverKey = field.Base64(); break;
                default: field.Unknown(); break;
            }
        }
        var length = ScramSecret.KeyBytes(mechanism ?? throw spot.Missing("mechanism"));
        if (salt.Length < 16 || iterations == 0 || storedKey.Length != length || serverKey.Length != length)
            throw spot.Malformed("has a salt, a number of iterations or a key that can't be");
        return new ScramSecret(mechanism.Value, salt, iterations, storedKey, serverKey);
    }
}
