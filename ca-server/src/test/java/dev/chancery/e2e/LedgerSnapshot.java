package dev.chancery.e2e;

import dev.chancery.core.Der;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** What the database knows at an instant, read around the product. */
final class LedgerSnapshot {
  /** A row of the ledger. */
  record Row(
      String serial,
      UUID request,
      String state,
      Instant recordedAt,
      Der toBeSigned,
      Optional<Der> signature) {
    /** Whether these are the bytes that the row was recorded and completed with. */
    boolean isOf(X509Certificate certificate) {
      try {
        return toBeSigned.equals(Der.of(certificate.getTBSCertificate()))
            && signature.equals(Optional.of(Der.of(certificate.getSignature())));
      } catch (CertificateEncodingException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private final List<Row> rows = new ArrayList<>();
  private final Map<String, Row> bySerial = new HashMap<>();
  private final Map<UUID, String> orders = new HashMap<>();

  private LedgerSnapshot() {}

  /**
   * Of an H2 file that no process has open; what is read is a copy, so that the file stays as it
   * is.
   */
  static LedgerSnapshot ofFile(Path file, Path folder) throws Exception {
    Path copy = folder.resolve("snapshot.mv.db");
    Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
    return of(
        "jdbc:h2:file:"
            + folder.resolve("snapshot")
            + ";MODE=PostgreSQL;DATABASE_TO_LOWER=TRUE;DEFAULT_NULL_ORDERING=HIGH",
        "chancery",
        "");
  }

  static LedgerSnapshot of(String url, String user, String password) throws SQLException {
    LedgerSnapshot snapshot = new LedgerSnapshot();
    try (Connection connection = DriverManager.getConnection(url, user, password);
        Statement statement = connection.createStatement()) {
      try (ResultSet row =
          statement.executeQuery(
              "select serial, request_id, state, recorded_at, tbs, signature from certificates")) {
        while (row.next()) {
          snapshot.add(
              new Row(
                  HexFormat.of().formatHex(row.getBytes(1)),
                  row.getObject(2, UUID.class),
                  row.getString(3),
                  row.getObject(4, OffsetDateTime.class).toInstant(),
                  Der.of(row.getBytes(5)),
                  Optional.ofNullable(row.getBytes(6)).map(Der::of)));
        }
      }
      try (ResultSet row = statement.executeQuery("select id, status from acme_orders")) {
        while (row.next()) {
          snapshot.orders.put(row.getObject(1, UUID.class), row.getString(2));
        }
      }
    }
    return snapshot;
  }

  private void add(Row row) {
    rows.add(row);
    if (bySerial.put(row.serial(), row) != null) {
      throw new AssertionError("two rows of serial " + row.serial());
    }
  }

  List<Row> inState(String state) {
    return rows.stream().filter(row -> row.state().equals(state)).toList();
  }

  List<Row> of(UUID order) {
    return rows.stream().filter(row -> row.request().equals(order)).toList();
  }

  Optional<Row> of(X509Certificate certificate) {
    byte[] twos = certificate.getSerialNumber().toByteArray();
    byte[] octets = twos[0] == 0 ? Arrays.copyOfRange(twos, 1, twos.length) : twos;
    return Optional.ofNullable(bySerial.get(HexFormat.of().formatHex(octets)));
  }

  /** The status of each order. */
  Map<UUID, String> orders() {
    return orders;
  }
}
