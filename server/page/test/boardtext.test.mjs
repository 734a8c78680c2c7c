// The text of a board, which the page writes. Without a browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boardText, nameFor } from '../boardtext.js';

test('a board is written with what it says and nothing else, below the comments that its file began with', () => {
  const board = {
    title: 'Web "tier" \u007f',
    span: '6h',
    charts: [
      { title: null, column: 'load_1', host: null, hosts: ['a', 'b'], labels: {}, top: null, order: null },
      { column: 'used_pct', table: 'filesystem', row: 'C:\\ä', host: 'db-1', hosts: [], labels: {} },
      { column: 'cpu_busy_pct', labels: { rack: 'a1', 'a b': 'x' }, top: 10, order: 'asc' },
    ],
  };
  const before = '# Ours.\n\n# Ask ann.\ntitle = "old"\n# gone\n';
  assert.equal(
    boardText(board, before),
    `# Ours.

# Ask ann.
title = "Web \\"tier\\" \\u007f"
span = "6h"

[[chart]]
column = "load_1"
hosts = ["a", "b"]

[[chart]]
column = "used_pct"
host = "db-1"
table = "filesystem"
row = "C:\\\\ä"

[[chart]]
column = "cpu_busy_pct"
labels = { "rack" = "a1", "a b" = "x" }
top = 10
order = "asc"
`,
  );
  assert.equal(boardText({ title: 'x', span: null, charts: [] }), 'title = "x"\n');
});

test('a new board has a name that is a file and nobody else', () => {
  assert.equal(nameFor('Web tier: Köln!', []), 'web-tier-koln');
  assert.equal(nameFor('../../etc/passwd', []), 'etc-passwd');
  assert.equal(nameFor('看板', []), 'board');
  assert.equal(nameFor('看板', ['board', 'board-2']), 'board-3');
  assert.match(nameFor('x'.repeat(300), ['y']), /^x{56}$/);
});
