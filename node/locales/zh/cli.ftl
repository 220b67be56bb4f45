# 程序自身的代码。

cli-audit_parameter = 这个问题没有这个参数。
    .remedy = "hefu audit query --list" 列出每个问题的参数。
cli-audit_parameter_missing = 这个问题缺一个必填参数。
    .remedy = "hefu audit query --list" 列出每个问题的参数。
cli-audit_question = 没有这个审计问题。
    .remedy = "hefu audit query --list" 列出全部问题。
cli-bad_answer = 节点的答复与预期不符。
    .remedy = 确认 --node 指向 hefu 节点,且程序与节点版本一致。
cli-blocks_damaged = 本节点存储的区块已损坏:节点不启动,也不对外提供任何内容。
    .remedy = 详情写明文件、字节位置与高度。运行 "hefu store refetch":损坏的文件另存备查,然后 "hefu run" 从其他省重新取回账本。
cli-log_missing = 共识日志缺失或损坏:没有它,本验证者可能与自己签过的内容相矛盾。
    .remedy = 从备份恢复 store/wal;无法恢复时,请先用新密钥替换验证者密钥(hefu key rotate),再另建数据文件夹。
cli-node_runs = 节点正在此数据文件夹上运行。
    .remedy = 先停止节点(Ctrl-C,或 systemctl stop),再运行本命令。
cli-bad_passphrase = 这个口令不能用。
    .remedy = 请选一个长的,例如几个词;由 HEFU_PASSPHRASE、--passphrase-file 或终端给出。
cli-canceled = 您选择了否,未作任何改动。
    .remedy = 重新运行,或加 --yes。
cli-audit_failed = 本节点的账本副本未通过审计。
    .remedy = 逐项结果已列出;先不要再用这份副本作证。"hefu store refetch" 把它移开,节点从其他省取回账本。
cli-check_failed = 有检查未通过。
    .remedy = 表中逐项列出;改正后再运行 "hefu doctor"。
cli-conflict = 已有同名之物,不予覆盖。
    .remedy = 换个名字,或用 --yes 替换文件。
cli-export_part = 不能接着上次的导出继续。
    .remedy = 不带 --resume 重新导出;已写的部分会被覆盖。
cli-bench = 无法完成测量。
    .remedy = 详情说明了原因:验证者日志、文件夹或内存。
cli-bench_disagrees = 测量中的验证者结果不一致。
    .remedy = 不应发生:请保留输出并报告。
cli-bench_lost = 有已确认的操作不在每个验证者的盘上。
    .remedy = 这不应发生:请保留输出并上报。
cli-config = 配置有误。
    .remedy = 改正该项;"hefu config show --origin" 显示每项出自何处。
cli-demo_disagrees = 演示节点未能一致。
    .remedy = 这不应发生:请保留输出并报告。
cli-scenario = 场景的一步与预期不符,演示到此为止。
    .remedy = 详情说明是哪一步、应为何、实为何;请保留输出并报告。
cli-no_scenario = 没有这个场景。
    .remedy = "hefu demo --scenario list" 列出全部场景。
cli-demo_state = 该省当前状态不适用此操作,未作任何改动。
    .remedy = "hefu demo start" 与 "stop" 启停一省,"hefu demo heal" 恢复全部连接。
cli-disk_full = 数据文件夹所在磁盘已满,节点无法继续。
    .remedy = 腾出空间或扩容后重新启动节点:已确认的记录不会丢失,缺少的区块会自动补取。
cli-disk_readonly = 数据文件夹所在磁盘不接受写入,节点无法继续。
    .remedy = 查看系统日志,检查并修复文件系统后重新启动节点:缺少的区块会自动补取。
cli-fault = 出错了。
    .remedy = 详情写明了原因;若反复出现,请连同该文字报告。
cli-file = 文件无法读写。
    .remedy = 检查路径、权限和剩余空间。
cli-folder_in_use = 此数据文件夹中已有节点在运行,或有命令正在重建。
    .remedy = 用 "hefu status --data-dir 文件夹" 查看。请先停止它(Ctrl-C 或 SIGTERM);切勿用同一套密钥运行两个节点。
cli-genesis = 创世文件或其仪式文件有误,或缺少签名。
    .remedy = 详情写明省份、机构与原因;与其他发起方核对哈希。
cli-halted = 节点不得不停止。
    .remedy = 详情与日志写明原因;改正后重新启动节点。
cli-own_signature = 其他节点持有本验证者的一个签名,而本节点的日志中没有。
    .remedy = 该密钥是否也在别处运行?若是,永久停掉其一。日志是否丢失或由旧备份恢复?先让本节点停着,待其他节点又决出一个区块后再启动:它会先补齐缺失再签名。切勿从备份恢复 wal/。
cli-input = 输入不是本命令所读的内容。
    .remedy = 详情指明位置;改正后再试。
cli-fork = 账本已分叉:此节点给出的认证区块与已知的不同。
    .remedy = 两者都不要采信。保存证据并交各省查验:"hefu verify 文件 --genesis 哈希" 会列出谁两边都签了。
cli-stale = 节点给出的是账本的旧状态。
    .remedy = 换一个节点再问。若各节点都如此,则网络空闲或无法决定,见 "hefu status"。
cli-invalid = 已核验,无效。
    .remedy = 不要采信。详情写明失败的步骤。
cli-journal = 导入日志前后不一致。
    .remedy = 原样保留保险库文件夹并报告。
cli-key = 密钥无法读取或使用。
    .remedy = 详情写明文件;若已损坏,请从备份恢复。
cli-licence_cells = 这一行的格数与首行不同。
    .remedy = 核对分隔符与引号:含逗号、引号或换行的值须加引号。
cli-licence_code = 代码不成立:证照类型、颁发机构、区划(六位)或持证主体代码类型(三位)。
    .remedy = 详情写明是哪一项;统一社会信用代码与类型代码须用大写且校验位正确。
cli-licence_columns = CSV 首行的列名不对:有缺失、未知或重复。
    .remedy = 详情写明列名;除 fields.名称 外须恰有 docs/import.md 所列各列。
cli-licence_control = 值中有控制字符(换行、制表或零字节)。
    .remedy = 在源头去掉这些字符;证照上本不会有它们。
cli-licence_day = 不是日期:须写作 2026-01-31,且该日存在。
    .remedy = 详情写明是哪一项;没有截止日时 valid_until 写 null(CSV 留空)。
cli-licence_days = 有效期截止日早于起始日。
    .remedy = 核对 valid_from 与 valid_until 是否颠倒。
cli-licence_empty = 值为空。
    .remedy = 补全该值;证照上没有的照面字段整项省略(CSV 留空)。
cli-licence_fields = 照面字段过多或过大,无法承诺。
    .remedy = 一件证照至多 64 项(含固定各项);省略无人需要出示的字段。
cli-licence_kind = 值的类型不对:version 是数字,holder 与 fields 是对象,其余都是加引号的文本。
    .remedy = 详情写明是哪一项。
cli-licence_missing_key = 缺少一个键。
    .remedy = 详情写明键名;没有截止日也要写 "valid_until": null。
cli-licence_not_json = 这一行不是完整的 JSON。
    .remedy = 每行写一个完整对象;详情写明从第几列起读不下去,常见原因是文件被截断。
cli-licence_not_utf = 这一行不是 UTF-8 文本。
    .remedy = 另存为 UTF-8 编码;GBK 编码的文件须先转换。
cli-licence_range = 数字超出范围:version 为 1 至 999。
    .remedy = 详情写明是哪一项。
cli-licence_repeated_key = 同一个键出现两次。
    .remedy = 只留一个;否则无法知道以哪个为准。
cli-licence_too_large = 一件证照超过 128 KiB。
    .remedy = 照面数据不含文件本身:文件请用 cert attest --file 承诺。
cli-licence_too_long = 值过长。
    .remedy = 详情写明是哪一项及其上限(字节,汉字占三字节)。
cli-licence_unknown_key = 有一个不认识的键。
    .remedy = 详情写明键名;照面上的其他内容放入 fields。
cli-needs = 所填的不相配或有缺,未发送任何内容。
    .remedy = 详情写明是哪个参数;--help 逐一说明。
cli-needs_terminal = 此操作不可撤回,而现在无人可问。
    .remedy = 确需执行请加 --yes。
cli-no_config = 没有这个配置文件。
    .remedy = 核对 --config 或 HEFU_CONFIG;"hefu init" 会在数据文件夹中写一份。
cli-no_data_dir = 没有这个数据文件夹。
    .remedy = 核对 --data-dir 或 HEFU_DATA_DIR;用 "hefu init" 建立。
cli-no_demo = 本机没有正在运行的演示。
    .remedy = 在另一个终端用 "hefu demo" 启动。
cli-no_file = 没有这个文件。
    .remedy = 核对路径。
cli-no_font = 没有一种字体含有报告的全部字符。
    .remedy = 请安装中文字体(Debian:fonts-noto-cjk 或 fonts-wqy-zenhei),或用 --font 指定字体文件。
cli-report = 报告无法写成 PDF/A。
    .remedy = 请用 --font 换一种字体。
cli-no_genesis = 数据文件夹中没有创世文件。
    .remedy = 用 "hefu init --province 省份 --genesis 文件 --data-dir 文件夹" 建立节点;设置项 genesis 可另指位置。
cli-no_key = 密钥库中没有可用的密钥。
    .remedy = "hefu key list" 列出现有密钥;导入或新建一把,或用 --as、--key 另行指定。
cli-no_passphrase = 没有给出口令。
    .remedy = 设置 HEFU_PASSPHRASE,用 --passphrase-file 指定文件,或在终端输入。
cli-no_vault = 这里没有保险库。
    .remedy = 首次 "hefu cert attest" 或 "hefu cert import" 会在节点旁建立;请核对 --data-dir。
cli-node_key = 创世文件为本省写明的密钥不在密钥库中。
    .remedy = 从仪式时的密钥导入:"hefu init --keys 文件夹" 或 "hefu key import"。
cli-not_final = 结果尚未确定。
    .remedy = 用 "hefu tx wait" 再查。
cli-not_found = 这里没有此项。
    .remedy = 核对标识或路径。
cli-passphrase = 口令错误。
    .remedy = 请用封存该文件时的口令,由 HEFU_PASSPHRASE、--passphrase-file 或终端给出。
cli-port_in_use = 节点所需的端口已被占用。
    .remedy = 停止占用者,或按详情给节点另选端口。尚未启动任何部分。
cli-presentation = 这不是出示件,或要打开的字段不存在。
    .remedy = 请重新出具;字段名前的 "fields." 可省略。
cli-tls = 本程序不使用 TLS。
    .remedy = 经环回地址访问自己的节点(http://127.0.0.1:…),或通过本地的 TLS 代理。
cli-which = 有多个可选,是哪一个?
    .remedy = 按详情指明。
cli-unknown_code = 没有这个代码。
    .remedy = "hefu explain --list" 列出全部。
cli-unreachable = 无法连到节点,或节点未及时答复。
    .remedy = 它在运行吗("hefu doctor")?用 --node 或 HEFU_NODE 指定地址,用 --timeout 延长等待。
cli-usage = 无法理解这条命令。
    .remedy = 在命令后加 --help 可看说明。
cli-vault = 保险库无法打开或写入。
    .remedy = 详情写明了原因;同一时间只能有一个进程打开。

# 词

yes = 是
no = 否
error = 错误
error-detail = 详情
error-tx = 交易
error-height = 处理于高度
error-remedy = 办法
beijing-time = 北京时间
at-genesis = 创世
origin-default = 默认

# 提问

ask-passphrase = 口令
ask-new-passphrase = 新密钥的口令
confirm-refetch = 将区块文件与索引移至 { $folder }(不删除),保留共识日志 { $log };此后节点从其他省重新取回账本,追上之前不投票。请确认其他省运行正常,且同一时间只有一个省这样做。继续?
confirm-revoke = 撤销证照 { $id }?此后不可恢复。
confirm-revoke-key = 撤销 { $owner } 的密钥 { $key }?此后不可恢复。
confirm-withdraw = 退出协议 { $id }?30 天后对本省终止。

# 列表与答复

audit-nothing = 没有找到任何一行。
audit-scope = 依审计授权 { $mandate }:{ $members } 的 { $kinds },{ $from } 至 { $to }。问题超出此范围的部分未列出。
report-title-certificate = 证照存证证据报告
report-title-decision = 证照认可决定证据报告
report-subtitle =
    记录 { $record }
    截至高度 { $height },{ $time }(北京时间)
    账本(创世哈希)
    { $genesis }
report-about = 本报告以文字说明证据胶囊 { $file } 所证明的内容。证据是胶囊,本报告是对它的解读。
report-happened = 发生了什么
report-signed = 由谁签名
report-rules = 依据什么规则,由谁认可
report-checked = 核验了什么,还有什么未证明
report-verify = 如何核验
report-validators = 终局确认:{ $count } 个验证者签名,超过其表决权的三分之二
report-how =
    1. 将上述创世哈希与各省公布的逐字比对。二维码含记录编号、高度与创世哈希的开头。
    2. 取文件 { $file },比对其摘要。BLAKE3:{ $blake3 }。SHA-256:{ $sha256 }。
    3. 无需节点与网络:hefu verify { $file } --genesis { $genesis }
    另有一个不共用任何代码的核验程序(verify/,JavaScript)可读同一文件。
report-withheld = (未列出:疑似个人号码)
report-of-what = { $record }:报告只针对证照(att:ID)或认可决定(dec:ID)
report-written =
    ✔ 报告  { $file }
    证据    { $capsule }
    核验:   hefu verify { $capsule } --genesis { $genesis }
export-key-unknown = 未证明:密钥 { $key } 当时是否有效;清单旁没有可证明的文件(hefu key show { $key })
export-key-in-force = 该密钥在高度 { $height } 有效,属于 { $authority } 的审计密钥:由 { $file } 证明
export-key-not = 旁边的胶囊未能证明该密钥当时有效、属于该机构的审计密钥
export-block-proven = 清单所述高度 { $height } 的区块由同一文件证明
export-block-other = 清单所述的区块不是该高度的区块
export-log = 联署检查点:审计日志 { $size } 条,根 { $root }
export-no-evidence = 没有胶囊可证明该密钥有效:清单只能单独成立。
audit-opening = { $file }:应为含 "identifier" 与 "salt"(64 位十六进制)的 JSON 对象
audit-capsules = { $count } 份证据已写入 { $folder }。逐份查验:hefu verify 文件 --genesis 哈希
export-written = { $rows } 行,截至高度 { $height },已写入 { $file }。查验:hefu verify { $manifest } --genesis { $genesis }
export-progress = 已导出到高度 { $done } / { $of }
export-part-other = { $file } 是另一次导出的:账本、问题、参数或格式不同
export-part-damaged = { $file } 与旁边所记的不符:短了,或内容有变
export-part-link = { $file } 是链接,或另有别名:不向其写入
export-part-unknown = { $file } 旁没有记载它有哪些行
export-part-parquet = Parquet 文件的目录在末尾,只能一次写完
export-verified = 文件 { $file } 是问题 { $question } 在高度 { $height } 的答案,共 { $rows } 行,由 { $authority } 以密钥 { $key } 签署。
export-other-ledger = 清单属于另一个账本
export-bad-signature = 清单的签名不成立
export-other-file = 文件不是导出的那一个
export-other-evidence = { $file } 不是清单所指的证据包
list-empty = 暂无内容。
list-more = 还有更多:--cursor { $cursor },或 --all。
answer-pinned = 截至高度 { $height },状态根 { $root }…
answer-pinned-whole = 完整,截至高度 { $height },状态根 { $root }…
incomplete-scan-bound = 需查阅的超出一次回答的上限;请缩小范围,如缩短时间
incomplete-missing = 本节点缺少回答所依据的内容
incomplete-pruned = 本节点已不再保存其证明
incomplete-pending = 有内容尚未记入
incomplete-index-lags = 查询索引尚未到达该高度(hefu audit index)
incomplete-index-stopped = 查询索引已不再跟随账本(hefu audit index)
incomplete-mandate-scope = 问题超出审计授权的范围
answer-incomplete = 不完整:{ $reason }。
key-list-empty = 这里还没有密钥。新建一把:hefu key new 标签 --role issuer
cert-list-empty = 该机构还没有证照存证。导入一些:hefu cert import 文件
proposal-list-empty = 还没有议案。提出一个:hefu proposal new 动作.json
agreement-list-empty = 还没有协议。提出一个:hefu agreement propose --party … --entry …
recognise-list-empty = 还没有决定。记录一个:hefu recognise decide --att 标识 --scenario 编号 --outcome accepted
share-list-empty = 暂无内容。发布目录条目(hefu share publish)或申请数据(hefu share request)。
item-list-empty = 还没有事项。提出一个:hefu item propose 代码 --name … --lead … --with …
case-list-empty = 还没有办件。收一件:hefu case open --item 代码 --handler 机构代码 --number 办件号
dispute-list-empty = 没有异议。
mandate-list-empty = 还没有审计授权。授予一项:hefu audit mandate grant --auditor 机构代码 --of 省份 …

# 提交

submit-applied = ✔ 已上链,高度 { $height }
    交易 { $tx }
submit-submitted = … 已提交,尚未终局(hefu tx wait { $tx })
    交易 { $tx }
submit-pending-governors = … 已签,等待另一位治理人
    交易 { $tx },高度 { $height }
governors-wanting = { $need } 位治理人中已有 { $have } 位签名,签名已在账本上等待。请另一位治理人用自己的密钥运行同一命令(内容须一字不差),或由 hefu proposal pending 查得后 hefu proposal sign 签署,即告完成;无需传递文件。
tx-signed = 已签名,未提交:{ $file }
    交易 { $tx }
openings-kept = 打开承诺所需的内容保存在 { $file };请像密钥一样保管。

# 文件

file-written = { $file }:{ $bytes } 字节
capsule-written = 证据胶囊 { $file }({ $bytes } 字节),已核验。任何人可离线核验:
    hefu verify { $file } --genesis { $genesis }
receipts-written = 透明陈述 { $file }({ $bytes } 字节),含 { $count } 份回执,已核验。
receipt-drafted = 草稿 { $file }。请另一方用 "hefu share cosign" 签署。
vault-torn = 保险库上次写入未完成,舍去其中 { $bytes } 字节。已确认的内容没有丢失。

# 密钥

key-making = 正在生成密钥 { $label } …
key-made = ✔ 密钥 { $label }
    标识 { $id }
    公钥 { $key }
    已加密存于 { $folder }
key-imported = ✔ { $label }({ $id })
key-exported = ✔ { $label } → { $file },仍为加密
key-passphrase-changed = ✔ { $label } 已换口令;以前的副本仍用旧口令

# 创世

genesis-drafted = ✔ 草案 { $file },邀请 { $invited }
    哈希 { $hash }
    请与各发起方电话核对哈希;然后各省运行 "hefu genesis join"。
genesis-joined = ✔ { $region } 的成员文件 { $file }:{ $keys } 把密钥均已证明持有;私钥留在 { $folder }
    所据草案 { $hash }
genesis-assembled = ✔ 创世文件 { $file },{ $members } 个成员
    哈希 { $hash }
    各省核对后签署:hefu genesis sign { $file }
genesis-signed = ✔ 已用 { $keys } 签署
    哈希 { $hash }
genesis-complete = 各成员均已签署。
genesis-missing = 尚缺签名:{ $missing }
genesis-is-demo = 演示账本 { $hash }:只含虚构机构。
genesis-is-production = 正式账本 { $hash }。

# 节点

init-done = ✔ { $province } 的节点建于 { $folder }
    账本 { $genesis }
    接下来:hefu doctor --data-dir { $folder },然后 hefu run --data-dir { $folder }
config-valid = ✔ 配置有效({ $file })
config-stray = 警告:设置了 { $name } 但无人读取;是否为 { $like }?
store-rebuilt = ✔ 索引已重建至高度 { $height }
    状态根 { $root }
status-margin = { $of } 个验证者中 { $online } 个在线,需要 { $needed } 个:还可再失去 { $margin } 个
status-no-margin = { $of } 个验证者中 { $online } 个在线,需要 { $needed } 个:一个也不能再失去
status-no-quorum = { $of } 个验证者中 { $online } 个在线,需要 { $needed } 个:不足法定数,暂停记录({ $margin })
doctor-config = 配置
doctor-folder = 数据文件夹
doctor-genesis = 创世文件
doctor-keys = 密钥
doctor-node = 节点
doctor-clock = 时钟
doctor-ports = 端口
doctor-no-region = 未配置省份:节点只跟随,不投票
doctor-not-running = 这里没有节点在运行

# 演示

demo-head = hefu { $version }  演示网络 · 4 省 · 单进程 · 仅 127.0.0.1 · 退出即删
demo-started = ✔ 创世 { $genesis }  ✔ { $count } 个节点互联  ✔ 首个区块   ({ $seconds } 秒)
demo-try = 接口说明 http://{ $api }/docs · 指标 http://{ $api }/metrics
    合成数据 { $rate } 笔/秒,无真实个人信息
    在另一个终端试试(各省的文件夹里有演示密钥,可直接签署):
      hefu status --data-dir { $home }
      hefu audit query --limit 5 --data-dir { $home }
      hefu demo stop { $region }        停一省,三省照常出块;start 恢复
      hefu demo tamper { $region }      改动一字节,看它被发现、留证、修复
    六个业务场景:hefu demo --scenario list
demo-stage = 命令在文件夹 { $folder } 中键入;每省一个子文件夹,内有演示密钥。
    另一个终端可先 cd 到那里,再照样键入(演示结束即删;加 --stay 可在演完后继续)。
demo-beat = 高度 { $height } · 验证者 { $online }/{ $of } · 确认 p50 { $p50 } ms      [Ctrl-C 退出]
demo-agreed = ✔ 各节点在高度 { $height } 一致
    状态根 { $root }
demo-disagreed = ✘ 各节点不一致(高度 { $height },{ $root })
demo-traffic = 合成行为 { $acts } 笔已生效;确认 p50 { $p50 } ms,p99 { $p99 } ms
demo-played = 场景共 { $steps } 步,步步如预期

# 导入

import-resumes = 接着上次继续:{ $count } 笔交易尚无结果。
import-interrupted = 已中断:接受 { $accepted },拒绝 { $refused },余 { $left },共 { $lines } 行。重新运行同一命令即可继续,不丢失也不重复。
import-done = 接受 { $accepted } 行(其中先前已在账本上 { $already } 行),拒绝 { $refused } 行,未定 { $left } 行,共 { $lines } 行
import-pending = { $count } 行结果未定。请重新运行同一命令。

# 出示

presented = ✔ { $id } 的出示件 { $file }
    打开:{ $fields }
present-recorded = 已记录于高度 { $height },{ $time }(北京时间),类型 { $type },颁发机构 { $issuer }
present-status = 现状:{ $status }(截至高度 { $height })
present-matches = 内容与颁发机构所承诺的一致
present-differs = 出示件属实,但其签名或所给文件不符
present-false = 内容与颁发机构所承诺的不一致:{ $error }
present-signed = 由颁发机构签名
present-signed-wrong = 签名并非出自颁发机构的密钥

# 证据

verify-ok = ✔ 胶囊对账本 { $chain } 有效
verify-recorded = 是否记录:是,高度 { $height },{ $time }(北京时间),审计日志第 { $leaf } 位
verify-signed =     签名机构 { $issuer },密钥 { $key }:{ $acts }({ $subject })
verify-status = 状态如何:{ $id }:{ $status },就 { $day } 而言,截至高度 { $height }
verify-no-status = 状态如何:胶囊未含;请询问节点,或索取含状态的胶囊
verify-records =     { $count } 条记录已证明,截至高度 { $height }
verify-recognised = 此处是否认可:胶囊不含认可决定;是否认可由各机构依协议自行决定
verify-decided = 是否认可:{ $relying } 就 { $id } 的决定:{ $outcome }(理由 { $reasons }),依据高度 { $checked } 的状态
verify-stood =     当时该证照:{ $status }(就决定当日而言,截至高度 { $checked })
verify-opened =     此决定属于先前记录的批次 { $batch },由本交易公开
verify-leaf =     先前在高度 { $height } 由批次 { $batch } 存证,为其一叶
verify-absent = 不存在:{ $table } { $key },截至高度 { $height } 没有此记录
verify-open-flags = 账本对该决定所作的标记(如有效而被拒),以及异议的结果
verify-unknown-file = { $file }:不是本命令所认识的文件(胶囊、对验证者或分叉的证明、检查点、陈述、回执);状态证明与日志瓦片随胶囊核验,出示件用 hefu cert verify 核验
verify-extracted = 已写出:{ $files }
verify-extracted-none = 未写出文件:胶囊既无检查点也无回执
verify-doubted = 不予采信:{ $who } 的签名不计入:密钥已查明泄露,或在有效期外签名
verify-note-few = 注意:不足已知省份的三分之二,未达法定多数
verify-receipts-unchecked =     其中 { $count } 份无法核验:密钥文件中没有其密钥(ES256 的密钥见节点的清单 /api/v1/log/cosigners)
verify-corrected =     截至高度 { $height } 已更正,以决定 { $by } 为准
verify-not-corrected =     截至高度 { $height } 未更正
verify-key-then =     当时密钥有效:有效期 { $from } 至 { $to }(北京时间)
verify-key-revoked =     该密钥其后已吊销;此前所签仍有效
verify-key-questioned =     存疑:事后查明该密钥在签名之前已泄露
verify-rule-type = 当时规则:证照类型 { $code } 第 { $version } 版({ $name }):{ $state }
verify-rule-scenario = 当时规则:场景 { $scenario }:{ $state }
verify-rule-agreement = 当时规则:协议 { $agreement } 第 { $version } 版(条款摘要 { $digest }):{ $state }
verify-checkpoint = 联署检查点:含此记录的日志共 { $size } 条,联署方 { $who }
verify-receipts = 回执:{ $who }
verify-checked = 已核验:创世哈希、各区块头的认证、签名、在审计日志中的位置、状态根下 { $count } 条记录
verify-open = 未证明:{ $what }
verify-open-later = 该高度之后的变化
verify-open-status = 状态
verify-open-signer = 签名密钥当时是否有效
verify-open-rule = 当时的规则
verify-open-recognition = 是否有机构认可
verify-open-checkpoint = 联署检查点
verify-open-receipts = 各省回执
verify-open-content = 所记录内容是否属实
verify-step-signer = 签名密钥的有效性
verify-step-cosigners = 联署密钥
verify-step-checkpoint = 联署检查点
verify-step-receipts = 各省回执
verify-no-keys = { $file }:没有联署密钥,既非含回执的胶囊,也非创世文件或节点的清单(/api/v1/log/cosigners)
verify-no-tx = { $file }:不是交易、陈述或胶囊
verify-note-ok = ✔ 检查点属于账本 { $chain }
verify-note-says = 所述:审计日志共 { $size } 条,根为 { $root }
verify-note-by = 联署:已知联署方 { $of } 个中的 { $count } 个:{ $who }
verify-note-not = 未证明:日志含有哪些记录、状态如何;请索取胶囊
verify-receipts-ok = ✔ 回执对账本 { $chain } 成立
verify-receipts-say = 是否记录:是,在共 { $size } 条的审计日志中为第 { $leaf } 位,高度 { $height } 之后
verify-receipts-by = 回执:{ $of } 份中核验 { $count } 份:{ $who }
verify-receipts-not = 未证明:状态如何,以及确由 { $issuer } 签名(文件不含签名密钥);请索取胶囊
verify-keys-capsule = 密钥:由胶囊证明
verify-keys-genesis = 密钥:创世时的密钥;其后的更换与吊销无从得知
verify-keys-list = 密钥:按清单采信,此处没有证明
verify-sets =     其间验证者集合变更 { $count } 次,每次均由前一集合认证
verify-step-encoding = 读取文件
verify-step-genesis = 核对创世
verify-step-headers = 区块头的认证
verify-step-transaction = 交易及其签名
verify-step-log = 在审计日志中的位置
verify-step-status = 所证明的记录
evidence-list-empty = 没有验证者自相矛盾。
evidence-written = ✔ { $file }:{ $bytes } 字节。任何人可验:hefu verify { $file } --genesis { $genesis }
evidence-ok = ✔ 证据对账本 { $chain } 成立
evidence-who = 何人:{ $name }({ $region })的验证者,密钥 { $key }
evidence-what = 何事:两份相互矛盾的{ $what }:{ $first } 与 { $second }
evidence-when = 何时:高度 { $height },第 { $round } 轮;该高度的区块时间为 { $time }(北京时间)
evidence-meaning =     只有此密钥能签出这两份:它在两处运行、丢失了记忆,或落入他人之手。如何处理由各成员决定。
evidence-what-proposal = 提案
evidence-what-prevote = 预投票
evidence-what-precommit = 预提交
verify-step-evidence = 两份相互矛盾的消息
light-ok = ✔ 账本 { $chain }:高度 { $height } 已终局,{ $time }(北京时间)
light-signed =     { $of } 个验证者中 { $signed } 个签名
light-log =     审计日志:{ $size } 条,根 { $root };与此前所知的日志前后一致
light-state =     状态根 { $root }
light-way =     自高度 { $from } 起,经 { $headers } 个区块头
light-skipped =     跨过了验证者变更:若分叉可知,但不能举证
light-agree =     同一区块亦见于 { $nodes }
light-behind = 其末块为 { $height },而已知高度 { $known }
light-other-behind = { $node }:其末块为 { $height },而已知高度 { $known }
light-old = 其末块 { $height } 已过 { $seconds } 秒,超过 { $most } 秒
light-fork-kept = 高度 { $height };证据在 { $file }
fork-ok = ✔ 证据成立:账本 { $chain } 在高度 { $height } 有两个认证区块
fork-blocks = 何块:{ $one } 与 { $other }
fork-contradicted = 何人:已证明在同一轮两边都签:{ $names }
fork-both =        在不同轮两边都签:{ $names }
fork-other =        签了另一块:{ $names }
fork-meaning =     超过三分之一的投票权作假才会如此。同一轮两边都签者必为作假;其余之中或有诚实者。如何处理由各成员决定。

# 用法错误

usage-command = 没有命令 { $what }
usage-unknown = 这里没有参数 { $what }
usage-missing = 缺少必填的参数:{ $what }
usage-subcommand = 这里缺少子命令{ $what }
usage-conflict = { $what } 不能与所填的其他参数同用
usage-no-value = { $what } 需要一个值
usage-value = 不可用:{ $what }
usage-other = 无法理解:{ $what }
usage-suggestion = 是否想写
usage-possible = 可用的有
help-usage = 用法
help-commands = 命令
help-arguments = 参数
help-options = 选项
help-globals = 通用选项
help-after = 退出码:0 成功 · 1 故障 · 2 用法 · 3 无效或已撤销 · 4 未找到 · 5 无法连接 · 6 被拒 · 7 不安全而拒 · 8 已提交未终局
    数据写到标准输出,其余写到标准错误。"hefu explain 代码" 解释任一代码。

# 进度

progress-import = 导入:已处理 { $done } / { $of } 行
progress-rebuild = 重建索引:第 { $done } / { $of } 块
refetch-damaged = 发现损坏:{ $damage }
refetch-sound = 未发现损坏:区块完好至高度 { $height }。
refetch-done = ✔ 区块文件与索引已移至 { $folder }
    接下来:hefu run --data-dir { $data }。节点从其他省取回账本,日志与 hefu status 显示进度;追上后自动恢复投票。
    确认无误后,可自行删除该文件夹。
doctor-blocks = 区块文件
doctor-blocks-sound = 完好至高度 { $height }({ $bytes } 字节)
doctor-no-blocks = 尚无区块
progress-verify = 核验区块:{ $done } / { $of } MiB
token-made = ✔ { $name } 的读取令牌:{ $token }
    重启节点后生效。使用:--token-file 文件、HEFU_TOKEN,或 HTTP 头 "Authorization: Bearer 令牌"。
member-requested = ✔ { $file }:请交给任一成员省份;其中只有公钥,{ $region } 的私钥留在 { $folder }
confirm-notice = { $region } 将提出退出,90 日后离开,不可撤回。
confirm-leave = { $region } 即刻退出账本。
confirm-dissolve = { $code } 不再行使职权,不可撤回。
preflight-possible = ✔ 现在可行
preflight-refused = ✘ 现在不可行:{ $code } { $cause }
preflight-votes = 表决:{ $of } 个省份中须有 { $needed } 个赞成
preflight-now = 现在:{ $validators } 个验证者,需要 { $needed },在线 { $online },可容忍 { $tolerates } 个故障
preflight-then = 之后:{ $validators } 个验证者,需要 { $needed },在线 { $online },可容忍 { $tolerates } 个故障
preflight-would-stop = ⚠ 账本将停止:之后在线的验证者不足法定人数
preflight-no-margin = ⚠ 之后再无余量:请先让更多验证者上线
preflight-fewer-faults = ⚠ 可容忍的故障数将减少
preflight-obligations = ⚠ 尚有未了事项:协议 { $agreements }、在办办件 { $cases }、异议 { $disputes }、授权 { $grants }
progress-audit = 审计:第 { $done } / { $of } 块
audit-begins = 从创世起核验至高度 { $height };可随时用 Ctrl-C 停止,未改动任何文件。
audit-sound = ✔ 未发现问题
audit-unsound = ✘ 发现问题
audit-counts = 区块文件高度 { $height },核验至 { $checked_to }:区块 { $blocks },交易 { $transactions },已验交易签名 { $signatures },已验提交证书 { $certificates },验证者变更 { $changes } 次
audit-checked-full = 已核验:每一帧的校验和;每个区块头及其与前一块的链接;按验证者变更逐块核验的提交证书;每笔交易的签名、执行结果;审计日志与记录状态的根。
audit-open-full = 未核验:节点对外应答所用的索引(可由区块重建:hefu store rebuild),以及创世文件是否就是各省约定的那一份(请核对创世哈希)。
audit-checked-sample = 全部核验:每一帧的校验和、区块头的链接、内容与结果的摘要、重算的审计日志。抽样核验:提交证书与已生效交易的签名。
audit-open-sample = 未核验:未抽中区块的证书与签名、签名密钥当时的权限、执行结果与记录状态的根(这些须用 --from-genesis)。
audit-sample = 抽样 { $blocks } / { $of } 块,核验其中 { $certificates } 块的证书:若至少 { $bad } 块({ $share })的证书或签名有假,本次抽样至少发现一块的置信度为 { $confidence }。种子 { $seed }
audit-sample-open = 样本中未能核验:证书 { $open_certificates } 份(验证者已变更,须执行才知),签名 { $open_signatures } 个(副本中找不到其密钥)。
audit-first = 高度 { $height },{ $step }
audit-step-frame = 帧
audit-step-header = 区块头
audit-step-certificate = 提交证书
audit-step-contents = 区块内容
audit-step-signature = 交易签名
audit-step-outcome = 执行结果
audit-step-log = 审计日志
audit-step-state = 记录状态
audit-step-execution = 执行所得的验证者与参数
audit-remedy-frame = 磁盘损坏:检查磁盘;节点运行时会从其他省取回单个坏块,或用 hefu store refetch 全部取回。
audit-remedy-certificate = 该证书不足以证明此块为终局:向其他省索取同一高度的证书比对;可用 hefu store refetch 取回。
audit-remedy-changed = 此块不是验证者所签的那一块:保留此副本作为证据,与其他省同一高度比对,再用 hefu store refetch 取回。
audit-remedy-execution = 执行所得与区块头不符:先核对程序版本与创世文件;若都无误,保留此副本并通知其他省。
reads-none = 尚无据审计授权的查阅。
reads-stated = 根已上账本,一致
reads-not_stated = 根尚未上账本
reads-differs = 与账本上的根不符
reads-altered = { $day } 的查阅日志与账本上的根不符
reads-not-yet = { $day } 的根尚未上账本
reads-proven = ✔ 第 { $number } 条在账本所载的根之内(共 { $count } 条):{ $root }
webhook-none = 未配置事件推送。在 hefu.toml 中以 [[webhooks]] 配置,见 docs/audit.md。
webhook-no-dead = 没有未送达的事件。
webhook-resent = ✔ 已重发 { $count } 件
webhook-tested = ✔ { $url } 已接收测试事件
pending-list-empty = 没有等待另一位治理人签名的行为。
theme-list-empty = 还没有主题。开立一个:hefu case theme --item 代码 --number 编号
confirm-cosign = 以治理人身份签署上列行为 { $act }({ $subject })?它由同省另一位治理人发起。
half-signed = 尚待另一位治理人签名:hefu proposal sign { $act },或运行与其相同的命令。
replay-same = ✔ 按当时的规则重新判断,结论逐字节相同。
replay-other = ✘ 按当时的规则重新判断,结论不同:账本副本可能已损坏,请运行 hefu audit verify。
or = 或
ballot-open = 表决中:赞成 { $yes } 票,需 { $needed } 票
ballot-applied = ✔ 已通过并生效(赞成 { $yes } 票,需 { $needed } 票)
ballot-rejected = ✘ 已否决(赞成 { $yes } 票,需 { $needed } 票)
ballot-failed = ✘ 票数已够(赞成 { $yes } 票,需 { $needed } 票),但已无法执行;hefu proposal show 说明原因
confirm-no-reads = 公布 { $day } 没有 { $auditor } 的任何查阅?一经公布即不能更改;有查阅日志请加 --log。
