package dev.chancery.store;

import static dev.chancery.store.schema.Tables.CRL_OCTETS;

import dev.chancery.core.Digest;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCrl;
import dev.chancery.store.schema.tables.records.CrlsRecord;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import org.jooq.DSLContext;

/** The octets of CRLs, as many at a time as a column and memory hold well. */
final class CrlPieces {
  // H2's columns of octets end at a MiB; PostgreSQL's driver holds each value three times.
  private static final int PIECE = 256 * 1024;

  /** Pieces of one transaction: on H2 no one else writes meanwhile. */
  private static final int AT_ONCE = 8;

  private final Database database;

  CrlPieces(Database database) {
    this.database = database;
  }

  /** Takes some pieces, the first of them by its place. */
  private interface Sink {
    void put(int first, List<byte[]> pieces);
  }

  /** Commits the octets of a CRL whose row is there, in several transactions. */
  Digest write(PreparedCrl prepared) throws IOException {
    return write(
        prepared,
        (first, pieces) -> database.inTransaction(sql -> insert(sql, prepared, first, pieces)));
  }

  /** As the other one, in a transaction of someone else's, who has short CRLs. */
  static Digest write(DSLContext transaction, PreparedCrl prepared) throws IOException {
    return write(prepared, (first, pieces) -> insert(transaction, prepared, first, pieces));
  }

  private static Digest write(PreparedCrl prepared, Sink sink) throws IOException {
    MessageDigest hash = Digest.hash(prepared.scheme());
    long written = 0;
    int next = 0;
    try (InputStream in = prepared.toBeSigned().open()) {
      List<byte[]> pieces = new ArrayList<>();
      for (byte[] octets = in.readNBytes(PIECE); octets.length > 0; octets = in.readNBytes(PIECE)) {
        hash.update(octets);
        written += octets.length;
        pieces.add(octets);
        if (pieces.size() == AT_ONCE) {
          sink.put(next, pieces);
          next += pieces.size();
          pieces.clear();
        }
      }
      sink.put(next, pieces);
    }
    if (written != prepared.toBeSigned().length()) {
      throw new IOException("CRL " + prepared.number() + " ended before its length");
    }
    return Digest.of(hash.digest());
  }

  private static int insert(DSLContext sql, PreparedCrl prepared, int first, List<byte[]> pieces) {
    for (int i = 0; i < pieces.size(); i++) {
      sql.insertInto(CRL_OCTETS)
          .set(CRL_OCTETS.ISSUER, prepared.scope().issuer().value())
          .set(CRL_OCTETS.NUMBER, prepared.number())
          .set(CRL_OCTETS.DELTA, prepared.base().isPresent())
          .set(CRL_OCTETS.PIECE, first + i)
          .set(CRL_OCTETS.OCTETS, pieces.get(i))
          .execute();
    }
    return pieces.size();
  }

  /** The to-be-signed octets of a CRL that has its row. */
  Octets toBeSigned(CrlsRecord row) {
    return new Octets() {
      @Override
      public long length() {
        return row.getTbsLength();
      }

      @Override
      public InputStream open() {
        return new PieceStream(row);
      }
    };
  }

  /** Reads a piece at a time, each by a statement of its own, so that no slow reader holds one. */
  private final class PieceStream extends InputStream {
    private final CrlsRecord row;
    private InputStream piece = InputStream.nullInputStream();
    private long left;
    private int next;

    private PieceStream(CrlsRecord row) {
      this.row = row;
      this.left = row.getTbsLength();
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int read = piece.read(buffer, offset, length);
      while (read < 0) {
        piece = new ByteArrayInputStream(nextPiece());
        read = piece.read(buffer, offset, length);
      }
      left -= read;
      return read;
    }

    private byte[] nextPiece() throws IOException {
      byte[] octets =
          database
              .sql()
              .select(CRL_OCTETS.OCTETS)
              .from(CRL_OCTETS)
              .where(CRL_OCTETS.ISSUER.eq(row.getIssuer()))
              .and(CRL_OCTETS.NUMBER.eq(row.getNumber()))
              .and(CRL_OCTETS.DELTA.eq(row.getDelta()))
              .and(CRL_OCTETS.PIECE.eq(next++))
              .fetchOne(CRL_OCTETS.OCTETS);
      if (octets == null) {
        throw new IOException("CRL " + row.getNumber() + " was dropped for a newer one");
      }
      return octets;
    }
  }
}
