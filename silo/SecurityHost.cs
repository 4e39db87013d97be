using OrleansMq.Access;
using OrleansMq.Engine.Storage;
using OrleansMq.Gateways;

namespace OrleansMq.Silo;

/// <summary>What guards the gateways of this process.</summary>
internal sealed class SecurityHost : IAsyncDisposable
{
    private const int MaxPasswordFileBytes = 4 << 10;

    private readonly AuditTrail? _audit;

    private SecurityHost(GatewaySecurity security, AuditTrail? audit) => (Security, _audit) = (security, audit);

    public GatewaySecurity Security { get; }

    /// <exception cref="SettingException">There is nobody who could come in, or a file says what can't be.</exception>
    /// <exception cref="IOException">A file can't be read.</exception>
    public static async ValueTask<SecurityHost> Start(SecurityOptions told, IBrokerHost host, ILoggerFactory loggers, Action<string> report, CancellationToken stop)
    {
        TlsCertificates? tls = null;
        AccessControl? access = null;
        AuditTrail? audit = null;
        try
        {
            if (told.TlsCertificate is { } certificate)
            {
                tls = TlsCertificates.Start(
                    new TlsOptions { CertificateFile = certificate, KeyFile = told.TlsKey!, ClientRootsFile = told.TlsClientRoots, ClientCertificateRequired = told.TlsClientRequired, Apart = told.Apart }, report: report);
            }
            if (told.On)
            {
                audit = new AuditTrail(host.Broker, report);
                access = await StartAccess(told, host.Documents, audit, report, stop);
            }
            var tokens = told.JwtIssuer is { } issuer ? new TokenCheck(new TokenOptions { Issuer = issuer, Audience = told.JwtAudience! }, loggers) : null;
            return new SecurityHost(new GatewaySecurity { Access = access, Tls = tls, Tokens = tokens, PasswordsInClear = told.Insecure }, audit);
        }
        catch
        {
            tls?.Dispose();
            if (access is not null)
                await access.DisposeAsync();
            if (audit is not null)
                await audit.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Security.Tls?.Dispose();
        if (Security.Tokens is { } tokens)
            await tokens.DisposeAsync();
        if (Security.Access is { } access)
            await access.DisposeAsync();
        if (_audit is not null)
            await _audit.DisposeAsync();
    }

    private static async ValueTask<AccessControl> StartAccess(SecurityOptions told, IDocuments documents, AuditTrail audit, Action<string> report, CancellationToken stop)
    {
        IAccessStore store = told.Users is { } users ? new FileAccessStore(users) : new DocumentAccessStore(documents);
        var password = told.AdminPassword?.Value ?? (told.AdminPasswordFile is { } file ? await PasswordIn(file, stop) : null);
        try
        {
            return await AccessControl.Start(store, new AccessControlOptions { AdminPassword = password, OnReport = report, OnAudit = audit.Add }, stop);
        }
        catch (MqException e) when (e.Code == ErrorCodes.Conflict)
        {
            throw new SettingException($"--access on: {e.Message} {(told.Users is null ? "Say --admin-password-file FILE, with a password of your own in it: the user 'admin' is made from it." : $"Say: mq acl add --user NAME --allow admin --cluster --file {told.Users}.")}");
        }
        catch (MqException e) when (e.Code == ErrorCodes.Malformed)
        {
            throw new SettingException($"--access on: {e.Message}");
        }
    }

    private static async ValueTask<string> PasswordIn(Setting file, CancellationToken stop)
    {
        if (!File.Exists(file.Value) || new FileInfo(file.Value).Length > MaxPasswordFileBytes)
            throw new SettingException($"{file.From} {file.Value}: there is no such file, or it is longer than a password.");
        // An editor ends the file with a line break, which is not the password's.
        return (await File.ReadAllTextAsync(file.Value, stop)).TrimEnd('\r', '\n');
    }
}
