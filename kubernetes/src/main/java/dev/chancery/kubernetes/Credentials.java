package dev.chancery.kubernetes;

import static dev.chancery.store.schema.Tables.VAULT_CREDENTIALS;
import static dev.chancery.store.schema.Tables.VAULT_ROLES;

import dev.chancery.core.Cidr;
import dev.chancery.core.Der;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.Database;
import dev.chancery.store.RoleAudit;
import dev.chancery.store.schema.tables.records.VaultCredentialsRecord;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * Secret ids and static tokens. A secret has 256 random bits and is told once, when it is made; the
 * database has its digest.
 */
public final class Credentials {
  private static final int SECRET_OCTETS = 32;

  /** For how long one that is over is still listed. */
  private static final Duration LISTED = Duration.ofDays(1);

  private final Database database;
  private final TimeOrderedIds ids;
  private final Clock clock;
  private final SecureRandom random;

  public Credentials(Database database, Clock clock, SecureRandom random) {
    this.database = database;
    this.ids = new TimeOrderedIds(clock, random);
    this.clock = clock;
    this.random = random;
  }

  /** A credential that was made just now, the only time that its secret is told. */
  public record Made(Credential credential, String secret) {
    @Override
    public String toString() {
      return "Made[credential=" + credential + "]";
    }
  }

  /**
   * Makes a credential; it survives a power cut.
   *
   * @param uses how many logins a secret id is good for; not for a static token
   * @throws Refused when the role is gone
   * @throws IllegalArgumentException when something is out of bounds
   */
  public Made create(
      Role role,
      Credential.Kind kind,
      String label,
      List<Cidr> networks,
      Optional<Integer> uses,
      Optional<Instant> expires,
      String requester)
      throws Refused {
    Instant now = Times.now(clock);
    if (uses.filter(count -> count < 1 || kind == Credential.Kind.TOKEN).isPresent()) {
      throw new IllegalArgumentException("uses are a positive number, and for secret ids only");
    }
    Credential credential =
        new Credential(
            new CredentialId(ids.next()), role.id(), kind, label, networks, uses, now, expires);
    String secret = newSecret();
    boolean made =
        database.inTransaction(sql -> {
          // The lock keeps the role from being deleted between this and the commit.
          boolean exists =
              sql.selectOne()
                  .from(VAULT_ROLES)
                  .where(VAULT_ROLES.ID.eq(role.id().value()))
                  .forUpdate()
                  .fetch()
                  .isNotEmpty();
          if (exists) {
            sql.insertInto(VAULT_CREDENTIALS).set(row(credential, secret)).execute();
            RoleAudit.record(
                sql, now, "create-credential", requester, described(credential, role.name()));
          }
          return exists;
        });
    if (!made) {
      throw new Refused(Reason.NOT_FOUND, "there is no such role");
    }
    database.syncToDisk();
    return new Made(credential, secret);
  }

  /** Command lines would take one that begins with a hyphen for an option. */
  private String newSecret() {
    byte[] octets = new byte[SECRET_OCTETS];
    String text;
    do {
      random.nextBytes(octets);
      text = Base64.getUrlEncoder().withoutPadding().encodeToString(octets);
    } while (text.startsWith("-"));
    return text;
  }

  private static VaultCredentialsRecord row(Credential credential, String secret) {
    VaultCredentialsRecord row = new VaultCredentialsRecord();
    row.setId(credential.id().value());
    row.setRoleId(credential.role().value());
    row.setKind(credential.kind().toString());
    row.setSecretSha256(digest(secret));
    row.setLabel(credential.label());
    row.setNetworks(Lines.of(credential.networks()));
    row.setUsesLeft(credential.usesLeft().orElse(null));
    row.setCreatedAt(Times.stored(credential.created()));
    row.setExpiresAt(credential.expires().map(Times::stored).orElse(null));
    return row;
  }

  private static byte[] digest(String secret) {
    return Der.of(secret.getBytes(StandardCharsets.UTF_8)).sha256();
  }

  private static String described(Credential credential, RoleName role) {
    return credential.kind()
        + " "
        + credential.id()
        + " of role "
        + role
        + " (uses "
        + credential.usesLeft().map(String::valueOf).orElse("unlimited")
        + ", until "
        + credential.expires().map(Instant::toString).orElse("revoked")
        + ", from "
        + (credential.networks().isEmpty() ? "anywhere" : credential.networks())
        + "), label: "
        + credential.label();
  }

  /** Those of a role, in the order of their making. */
  public List<Credential> list(Role role) {
    return database
        .sql()
        .selectFrom(VAULT_CREDENTIALS)
        .where(VAULT_CREDENTIALS.ROLE_ID.eq(role.id().value()))
        .orderBy(VAULT_CREDENTIALS.ID)
        .fetch(Credentials::read);
  }

  /**
   * Revokes a credential for good. Tokens that a secret id was exchanged for live on until they end
   * by themselves.
   *
   * @throws Refused when the role has no such credential
   */
  public void revoke(Role role, CredentialId id, String requester) throws Refused {
    Instant now = Times.now(clock);
    boolean revoked =
        database.inTransaction(sql -> {
          boolean gone =
              sql.deleteFrom(VAULT_CREDENTIALS)
                      .where(VAULT_CREDENTIALS.ID.eq(id.value()))
                      .and(VAULT_CREDENTIALS.ROLE_ID.eq(role.id().value()))
                      .execute()
                  == 1;
          if (gone) {
            RoleAudit.record(
                sql, now, "revoke-credential", requester, id + " of role " + role.name());
          }
          return gone;
        });
    if (!revoked) {
      throw new Refused(Reason.NOT_FOUND, "the role has no such credential");
    }
    database.syncToDisk();
  }

  /**
   * Takes one login from a secret id.
   *
   * @throws VaultProblem when it is not one of the role, or has no login left for that address now
   */
  Credential login(Role role, String secretId, InetAddress from) throws VaultProblem {
    Credential credential =
        find(secretId, Credential.Kind.SECRET_ID)
            .filter(found -> found.role().equals(role.id()))
            .orElseThrow(() -> VaultProblem.badRequest("invalid role or secret ID"));
    requireUsable(credential, from, VaultProblem::badRequest);
    if (credential.usesLeft().isPresent()) {
      int moved =
          database
              .sql()
              .update(VAULT_CREDENTIALS)
              .set(VAULT_CREDENTIALS.USES_LEFT, VAULT_CREDENTIALS.USES_LEFT.minus(1))
              .where(VAULT_CREDENTIALS.ID.eq(credential.id().value()))
              .and(VAULT_CREDENTIALS.USES_LEFT.gt(0))
              .execute();
      if (moved == 0) {
        throw VaultProblem.badRequest("the secret ID has no uses left");
      }
    }
    return credential;
  }

  /**
   * The static token with this text.
   *
   * @throws VaultProblem when there is none, or it may not be used from there now
   */
  Credential token(String text, InetAddress from) throws VaultProblem {
    Credential credential =
        find(text, Credential.Kind.TOKEN).orElseThrow(VaultProblem::permissionDenied);
    requireUsable(credential, from, VaultProblem::forbidden);
    return credential;
  }

  private interface Refusal {
    VaultProblem because(String why);
  }

  private void requireUsable(Credential credential, InetAddress from, Refusal refusal)
      throws VaultProblem {
    if (credential.isOver(clock.instant())) {
      throw refusal.because("the " + credential.kind() + " has expired");
    }
    if (!credential.isFrom(from)) {
      throw refusal.because("the " + credential.kind() + " may not be used from this address");
    }
  }

  private Optional<Credential> find(String secret, Credential.Kind kind) {
    return database
        .sql()
        .selectFrom(VAULT_CREDENTIALS)
        .where(VAULT_CREDENTIALS.SECRET_SHA256.eq(digest(secret)))
        .and(VAULT_CREDENTIALS.KIND.eq(kind.toString()))
        .fetchOptional(Credentials::read);
  }

  /** Gives up a static token on its holder's word; false when it is gone already. */
  boolean giveUp(CredentialId id, RoleName role, String requester) {
    Instant now = Times.now(clock);
    return database.inTransaction(sql -> {
      boolean gone =
          sql.deleteFrom(VAULT_CREDENTIALS)
                  .where(VAULT_CREDENTIALS.ID.eq(id.value()))
                  .and(VAULT_CREDENTIALS.KIND.eq(Credential.Kind.TOKEN.toString()))
                  .execute()
              == 1;
      if (gone) {
        RoleAudit.record(sql, now, "revoke-credential", requester, "token " + id + " of " + role);
      }
      return gone;
    });
  }

  /**
   * Deletes some that were over long ago.
   *
   * @return how many
   */
  int prune(int limit) {
    OffsetDateTime before = Times.stored(Times.now(clock).minus(LISTED));
    return database.inTransaction(sql ->
        sql.deleteFrom(VAULT_CREDENTIALS)
            .where(
                VAULT_CREDENTIALS.ID.in(
                    sql.select(VAULT_CREDENTIALS.ID)
                        .from(VAULT_CREDENTIALS)
                        .where(VAULT_CREDENTIALS.EXPIRES_AT.lt(before))
                        .orderBy(VAULT_CREDENTIALS.EXPIRES_AT)
                        .limit(limit)))
            .execute());
  }

  private static Credential read(VaultCredentialsRecord row) {
    return new Credential(
        new CredentialId(row.getId()),
        new RoleId(row.getRoleId()),
        row.getKind().equals(Credential.Kind.TOKEN.toString())
            ? Credential.Kind.TOKEN
            : Credential.Kind.SECRET_ID,
        row.getLabel(),
        Lines.read(row.getNetworks()).stream().map(Cidr::parse).toList(),
        Optional.ofNullable(row.getUsesLeft()),
        row.getCreatedAt().toInstant(),
        Optional.ofNullable(row.getExpiresAt()).map(OffsetDateTime::toInstant));
  }
}
