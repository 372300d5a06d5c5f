package dev.chancery.kubernetes;

import static dev.chancery.store.schema.Tables.VAULT_CREDENTIALS;
import static dev.chancery.store.schema.Tables.VAULT_ROLES;

import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.Database;
import dev.chancery.store.RoleAudit;
import dev.chancery.store.schema.tables.records.VaultRolesRecord;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.jspecify.annotations.Nullable;

/** The roles of a cluster, in its database; every change is in the audit trail. */
public final class Roles {
  private final Database database;
  private final TimeOrderedIds ids;
  private final Clock clock;

  public Roles(Database database, Clock clock, SecureRandom random) {
    this.database = database;
    this.ids = new TimeOrderedIds(clock, random);
    this.clock = clock;
  }

  /**
   * Makes a role.
   *
   * @throws Refused when there is one of that name
   */
  public Role create(RoleName name, RolePolicy policy, RoleLogins logins, String requester)
      throws Refused {
    Role role = new Role(new RoleId(ids.next()), name, policy, logins, Times.now(clock));
    try {
      database.inTransaction(sql -> {
        sql.insertInto(VAULT_ROLES).set(row(role)).execute();
        RoleAudit.record(sql, role.created(), "create-role", requester, described(role));
        return role;
      });
    } catch (IntegrityConstraintViolationException e) {
      throw new Refused(Reason.BAD_CSR, "there is a role named " + name + " already");
    }
    return role;
  }

  private static VaultRolesRecord row(Role role) {
    RolePolicy policy = role.policy();
    Optional<ServiceAccounts> accounts = role.logins().serviceAccounts();
    Optional<CertificateHolders> holders = role.logins().certificates();
    VaultRolesRecord row = new VaultRolesRecord();
    row.setId(role.id().value());
    row.setName(role.name().value());
    row.setIssuer(policy.issuer().value());
    row.setProfile(policy.profile().value());
    row.setNames(Lines.of(policy.names().allow()));
    row.setDeniedNames(Lines.of(policy.names().deny()));
    row.setWildcards(policy.names().wildcards());
    row.setStandardSeconds(policy.standard().map(Duration::toSeconds).orElse(null));
    row.setLongestSeconds(policy.longest().map(Duration::toSeconds).orElse(null));
    row.setAuthority(policy.authority());
    row.setPathLength(
        policy.pathLength().isPresent() ? (Integer) policy.pathLength().getAsInt() : null);
    row.setCluster(accounts.map(ServiceAccounts::cluster).orElse(null));
    row.setAudience(accounts.map(ServiceAccounts::audience).orElse(null));
    row.setServiceAccounts(Lines.of(accounts.map(ServiceAccounts::patterns).orElse(List.of())));
    row.setCertificateNames(
        Lines.of(holders.map(CertificateHolders::names).map(NameRules::allow).orElse(List.of())));
    row.setCertificateIssuer(
        holders
            .map(CertificateHolders::issuer)
            .filter(issuer -> !issuer.equals(policy.issuer()))
            .map(IssuerId::value)
            .orElse(null));
    row.setCreatedAt(Times.stored(role.created()));
    return row;
  }

  /** Of names there may be more than fits, so they come last. */
  private static String described(Role role) {
    RolePolicy policy = role.policy();
    return "role "
        + role.name()
        + " "
        + role.id()
        + ": issuer "
        + policy.issuer()
        + ", profile "
        + policy.profile()
        + (policy.authority() ? ", for CAs" : "")
        + (policy.pathLength().isPresent()
            ? " with a path length of " + policy.pathLength().getAsInt()
            : "")
        + policy.standard().map(length -> ", for " + length).orElse("")
        + policy.longest().map(length -> ", for " + length + " at most").orElse("")
        + described(role.logins())
        + ", names "
        + policy.names().allow()
        + (policy.names().wildcards() ? " with wildcards" : "")
        + (policy.names().deny().isEmpty() ? "" : " without " + policy.names().deny());
  }

  private static String described(RoleLogins logins) {
    return logins
            .serviceAccounts()
            .map(accounts ->
                ", service accounts "
                    + accounts.patterns()
                    + " of "
                    + accounts.cluster()
                    + " for "
                    + accounts.audience())
            .orElse("")
        + logins
            .certificates()
            .map(holders -> ", certificates " + holders.names().allow() + " of " + holders.issuer())
            .orElse("");
  }

  public Optional<Role> find(RoleName name) {
    return database
        .sql()
        .selectFrom(VAULT_ROLES)
        .where(VAULT_ROLES.NAME.eq(name.value()))
        .fetchOptional(Roles::read);
  }

  /** Reads the name first: what is none names no role. */
  Optional<Role> named(String name) {
    return RoleName.parse(name).flatMap(this::find);
  }

  Optional<Role> find(RoleId id) {
    return database
        .sql()
        .selectFrom(VAULT_ROLES)
        .where(VAULT_ROLES.ID.eq(id.value()))
        .fetchOptional(Roles::read);
  }

  /** All roles by name; operators make them one by one. */
  public List<Role> list() {
    return database.sql().selectFrom(VAULT_ROLES).orderBy(VAULT_ROLES.NAME).fetch(Roles::read);
  }

  /**
   * Deletes a role with its secret ids and static tokens: nothing is signed under it any more. Its
   * certificates stay.
   *
   * @throws Refused when there is no such role
   */
  public Role delete(RoleName name, String requester) throws Refused {
    Role role =
        find(name).orElseThrow(() -> new Refused(Reason.NOT_FOUND, "there is no such role"));
    Instant now = Times.now(clock);
    boolean deleted =
        database.inTransaction(sql -> {
          sql.deleteFrom(VAULT_CREDENTIALS)
              .where(VAULT_CREDENTIALS.ROLE_ID.eq(role.id().value()))
              .execute();
          boolean gone =
              sql.deleteFrom(VAULT_ROLES).where(VAULT_ROLES.ID.eq(role.id().value())).execute()
                  == 1;
          if (gone) {
            RoleAudit.record(sql, now, "delete-role", requester, "role " + name + " " + role.id());
          }
          return gone;
        });
    if (!deleted) {
      throw new Refused(Reason.NOT_FOUND, "there is no such role");
    }
    database.syncToDisk();
    return role;
  }

  private static Role read(VaultRolesRecord row) {
    return new Role(
        new RoleId(row.getId()),
        new RoleName(row.getName()),
        new RolePolicy(
            new IssuerId(row.getIssuer()),
            new ProfileId(row.getProfile()),
            new NameRules(
                Lines.read(row.getNames()), Lines.read(row.getDeniedNames()), row.getWildcards()),
            seconds(row.getStandardSeconds()),
            seconds(row.getLongestSeconds()),
            row.getAuthority(),
            row.getPathLength() == null
                ? OptionalInt.empty()
                : OptionalInt.of(row.getPathLength())),
        new RoleLogins(
            Optional.ofNullable(row.getCluster())
                .map(cluster ->
                    new ServiceAccounts(
                        cluster,
                        Optional.ofNullable(row.getAudience()).orElse(""),
                        Lines.read(row.getServiceAccounts()))),
            Optional.of(Lines.read(row.getCertificateNames()))
                .filter(names -> !names.isEmpty())
                .map(names ->
                    new CertificateHolders(
                        new IssuerId(
                            Optional.ofNullable(row.getCertificateIssuer())
                                .orElse(row.getIssuer())),
                        new NameRules(names, List.of(), false)))),
        row.getCreatedAt().toInstant());
  }

  private static Optional<Duration> seconds(@Nullable Long count) {
    return Optional.ofNullable(count).map(Duration::ofSeconds);
  }
}
